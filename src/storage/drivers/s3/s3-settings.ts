import { z } from 'zod';
import type { CallLimits } from '../upload-timeouts.js';

const MIB = 1024 * 1024;
/** What every store takes: a part is of 5 MiB at least, but for the last, and of 5 GiB at most. */
const MIN_PART_BYTES = 5 * MIB;
const MAX_PART_BYTES = 5 * 1024 * MIB;

/** A bucket name is part of a host name, or the first part of a path. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/;
/** Characters that no store and no tool takes for anything else; no empty part, and none that is a way up. */
const PREFIX = /^(?!.*(^|\/)\.{0,2}(\/|$))[\w!.*'()/-]+$/;

const credentials = z.strictObject({
  accessKeyId: z.string().min(1),
  secretAccessKey: z.string().min(1),
  sessionToken: z.string().min(1).optional(),
});

/** What an element of the driver `s3` is set up with, beside what all elements have (`id`, `mode`, `priority`, `capacity`). */
export const s3SettingsSchema = z
  .strictObject({
    bucket: z.string().regex(BUCKET, 'must be the name of a bucket'),
    /** Also of stores that know none: requests are signed with it. */
    region: z.string().regex(/^[a-z0-9-]+$/, 'must be the name of a region'),
    /** Origin of the store; unset: AWS in `region`. */
    endpoint: z.url({ protocol: /^https?$/ }).optional(),
    /** Stands before the id of every file, with a slash between; an installation has one of its own. */
    prefix: z.string().regex(PREFIX, 'must be a path without an empty part, "." or ".."').optional(),
    /** Is the bucket the first part of the path, and not of the host? Unset: where there is an `endpoint`, or a dot in its name. */
    pathStyle: z.boolean().optional(),
    /** What is sent for the store to check bytes by, and compared with its answer. */
    checksum: z.enum(['none', 'md5', 'sha256', 'crc64nvme']).default('none'),
    storageClass: z.string().min(1).optional(),
    serverSideEncryption: z.enum(['AES256', 'aws:kms', 'aws:kms:dsse']).optional(),
    /** Key of the encryption `aws:kms`; unset: the one of the bucket. */
    kmsKeyId: z.string().min(1).optional(),
    /** Bytes of a part, and of the largest file that is sent as a whole. A file of more than 9000 parts has larger ones. */
    partSize: z
      .int()
      .min(MIN_PART_BYTES)
      .max(MAX_PART_BYTES)
      .default(16 * MIB),
    /** Parts of one file that are sent at a time. */
    concurrentParts: z.int().min(1).max(32).default(4),
    /** Profile of the shared configuration files of AWS; unset: what the usual chain finds. */
    profile: z.string().min(1).optional(),
    /** Unset: what the usual chain finds (environment, profile, web identity, pod and instance metadata). */
    credentials: credentials.optional(),
  })
  .refine(({ profile, credentials: given }) => profile === undefined || given === undefined, {
    path: ['profile'],
    message: 'must not be set beside credentials',
  })
  .refine(({ kmsKeyId, serverSideEncryption = '' }) => !kmsKeyId || serverSideEncryption.startsWith('aws:'), {
    path: ['kmsKeyId'],
    message: 'needs serverSideEncryption "aws:kms" or "aws:kms:dsse"',
  });

export type S3Settings = z.infer<typeof s3SettingsSchema>;

export type ChecksumKind = S3Settings['checksum'];

/** Times are those of one request, in milliseconds. */
export interface S3Limits extends CallLimits {
  /** Bytes of the largest file: where it is not known how large one becomes, it must fit into the parts there are. */
  readonly maxFileBytes: number;
  /** Age at which an unfinished upload is nobody's any more: later than anybody goes on with one. */
  readonly orphanAgeMs: number;
}
