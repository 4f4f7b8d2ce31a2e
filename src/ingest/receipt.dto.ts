import { ApiProperty } from '@nestjs/swagger';

const RETENTION_POLICIES = ['temporary', 'permanent'] as const;

const STATUSES = ['receiving', 'accepted', 'delivering', 'active', 'dead', 'cancelled', 'expired'] as const;

/** What a client gets for a file. Times are RFC 3339 in UTC; which element holds the file is never in it. */
export class Receipt {
  @ApiProperty({ format: 'uuid', description: 'Id of the upload; ours, always there.' })
  upload_id!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Id at the storage element; null until stored.' })
  file_id!: string | null;

  @ApiProperty({ example: 'a.txt' })
  original_filename!: string;

  @ApiProperty({ example: 'text/plain' })
  content_type!: string;

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'In bytes; null while it is being received and its length is not known.',
    example: 5,
  })
  size!: number | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'SHA-256 of the file, 64 lower-case hex characters; null while it is being received.',
  })
  checksum!: string | null;

  @ApiProperty({ description: '`sub` of the token.' })
  uploaded_by!: string;

  @ApiProperty({ format: 'date-time' })
  uploaded_at!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Null: none, or its storage does not say.' })
  description!: string | null;

  @ApiProperty({ type: [String], nullable: true, description: 'Null: its storage does not say.' })
  tags!: readonly string[] | null;

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'Numbers are as they were written. Null: it is not kept, or its storage does not say.',
  })
  metadata!: Readonly<Record<string, unknown>> | null;

  @ApiProperty({
    enum: STATUSES,
    description:
      '`receiving`: not all bytes have come; `accepted`: safe here, stored later; `delivering`: on its way; `active`: stored; `dead`: could not be stored, an operator decides; `cancelled`; `expired`.',
  })
  status!: (typeof STATUSES)[number];

  @ApiProperty({ enum: RETENTION_POLICIES })
  retention_policy!: (typeof RETENTION_POLICIES)[number];

  @ApiProperty({
    type: Number,
    nullable: true,
    description: 'Days until the file expires; null: never, or its storage does not say.',
  })
  ttl_days!: number | null;

  @ApiProperty({ type: String, format: 'date-time', nullable: true })
  expires_at!: string | null;
}
