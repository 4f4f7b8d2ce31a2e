import { ApiProperty } from '@nestjs/swagger';

/** That the process lives. */
export class Liveness {
  @ApiProperty({ example: 'healthy' })
  readonly status!: 'healthy';

  @ApiProperty({ format: 'date-time' })
  readonly timestamp!: string;

  @ApiProperty({ example: 'ingester' })
  readonly service!: string;

  @ApiProperty({ example: '1.0.0' })
  readonly version!: string;
}
