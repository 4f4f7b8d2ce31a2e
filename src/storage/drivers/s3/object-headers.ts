import { parseKeepingNumbers } from '../../../errors/json-numbers.js';
import { z } from 'zod';
import { metadataSchema } from '../../metadata-schema.js';
import type { ContentDigest, FileDescription, StoredFile } from '../../storage-element.js';
import { headerOf, type S3Answer } from './s3-answers.js';
import { encoded } from './s3-endpoint.js';
import type { S3Settings } from './s3-settings.js';

const META = 'x-amz-meta-';

/** Of all metadata of an object, names included: S3 takes no more. */
const MAX_METADATA_BYTES = 2048;

/** What an object says of the attempt that stored it. */
export interface ObjectMark {
  /** Random, one for each attempt: by it an attempt knows its own object. */
  readonly attempt: string;
  /** Unset where the object was begun before the digest was known. */
  readonly digest?: ContentDigest;
}

export interface ObjectHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** Does it take a companion to know all of the file? */
  readonly hasCompanion: boolean;
}

/**
 * The headers of an object that is to hold `file`. What does not fit, and what is not known yet, is for the companion; what of it
 * is known stands in the metadata all the same, if all of it fits.
 */
export function objectHeaders(
  file: FileDescription,
  mark: ObjectMark,
  settings: StorageSettings,
): ObjectHeaders {
  const full = { ...coreOf(mark), ...aboutOf(file) };
  const fits = bytesOf({ ...full, [`${META}companion`]: 'yes' }) <= MAX_METADATA_BYTES;
  const hasCompanion = !fits || mark.digest === undefined;
  return {
    headers: {
      'content-type': headerValue(file.contentType),
      'content-disposition': disposition(file.originalFilename),
      ...storageHeaders(settings),
      ...(fits ? full : coreOf(mark)),
      ...(hasCompanion && { [`${META}companion`]: 'yes' }),
    },
    hasCompanion,
  };
}

type StorageSettings = Pick<S3Settings, 'storageClass' | 'serverSideEncryption' | 'kmsKeyId'>;

/** How the store is to keep an object. */
export function storageHeaders({
  storageClass,
  serverSideEncryption,
  kmsKeyId,
}: StorageSettings): Record<string, string> {
  return {
    ...(storageClass !== undefined && { 'x-amz-storage-class': storageClass }),
    ...(serverSideEncryption !== undefined && { 'x-amz-server-side-encryption': serverSideEncryption }),
    ...(kmsKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKeyId }),
  };
}

/** The attempt that stored an object, and whether it wrote a companion; of one that is not ours, neither. */
export function markOf(answer: S3Answer): { readonly attempt?: string; readonly hasCompanion: boolean } {
  return {
    attempt: headerOf(answer, `${META}attempt`),
    hasCompanion: headerOf(answer, `${META}companion`) !== undefined,
  };
}

export function sizeOf(answer: S3Answer): number {
  return Number(headerOf(answer, 'content-length') ?? 0);
}

const aboutSchema = z.object({
  description: z.string().nullable(),
  tags: z.array(z.string()),
  metadata: metadataSchema,
  retentionPolicy: z.enum(['temporary', 'permanent']),
  ttlDays: z.number().nullable(),
});

/** What an object says of its file by itself. */
export function describedFile(fileId: string, answer: S3Answer): StoredFile {
  const about = (name: string): string | undefined => {
    const value = headerOf(answer, META + name);
    return value === undefined ? undefined : decoded(value);
  };
  const uploadedAt = new Date(about('uploaded-at') ?? '');
  const { data: remembered } = aboutSchema.safeParse({
    description: about('description') ?? null,
    tags: jsonOf(about('tags')),
    metadata: jsonOf(about('metadata')),
    retentionPolicy: about('retention-policy'),
    ttlDays: jsonOf(about('ttl-days')) ?? null,
  });
  return {
    fileId,
    size: sizeOf(answer),
    sha256: about('sha256'),
    originalFilename: about('filename'),
    contentType: headerOf(answer, 'content-type'),
    uploadedBy: about('uploaded-by'),
    uploadedAt: Number.isNaN(uploadedAt.getTime()) ? undefined : uploadedAt,
    remembered,
  };
}

function coreOf({ attempt, digest }: ObjectMark): Record<string, string> {
  return {
    [`${META}attempt`]: attempt,
    ...(digest && { [`${META}sha256`]: digest.sha256, [`${META}size`]: String(digest.size) }),
  };
}

function aboutOf(file: FileDescription): Record<string, string> {
  const texts = {
    filename: file.originalFilename,
    'uploaded-by': file.uploadedBy,
    'uploaded-by-username': file.uploadedByUsername,
    'uploaded-at': file.uploadedAt.toISOString(),
    'retention-policy': file.retentionPolicy,
    'ttl-days': file.ttlDays === null ? null : String(file.ttlDays),
    description: file.description,
    tags: JSON.stringify(file.tags),
    metadata: JSON.stringify(file.metadata),
  };
  return Object.fromEntries(
    Object.entries(texts).flatMap(([name, value]) => (value === null ? [] : [[META + name, ascii(value)]])),
  );
}

function bytesOf(headers: Readonly<Record<string, string>>): number {
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
}

/** Percent-encodes what is no visible ASCII, and what would not come back as it was: a header has no place for it. */
function ascii(text: string): string {
  return text.replaceAll(/[^!-$&-~]+/g, (run) => encoded(run));
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function jsonOf(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return parseKeepingNumbers(text);
  } catch {
    return undefined;
  }
}

/** RFC 6266: browsers take the second name, which is the true one (RFC 8187); what knows no better takes the first. */
function disposition(name: string): string {
  const plain = name.replaceAll(/[^ !#-[\]-~]/g, '_');
  const first = `attachment; filename="${plain}"`;
  return plain === name ? first : `${first}; filename*=UTF-8''${encoded(name)}`;
}

/** A media type that does not fit into one header line would be a header of its own. */
function headerValue(contentType: string): string {
  return /^[\x20-\x7e]+$/.test(contentType) ? contentType : 'application/octet-stream';
}
