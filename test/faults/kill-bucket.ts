import { randomInt } from 'node:crypto';
import { DOUBLE_IDENTITY, S3Double } from '../support/s3-double/s3-double.js';
import type { S3Fault } from '../support/s3-double/s3-faults.js';
import type { KillDiary } from './kill-diary.js';
import type { KillElement } from './kill-element.js';

const MIB = 1024 * 1024;
const PREFIX = 'killed';
const MONTH_MS = 30 * 86_400_000;

const WRITES = ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'];
const ENDS = ['PutObject', 'CompleteMultipartUpload'];

/** What a store does at times with these requests; none of it makes one that has a file deny it. */
const FAULTS: readonly S3Fault[][] = [
  faultsAt(WRITES, { kind: 'answer', status: 503, code: 'SlowDown' }),
  faultsAt(WRITES, { kind: 'answer', status: 500, code: 'InternalError' }),
  faultsAt(WRITES, { kind: 'cut', when: 'before' }),
  faultsAt(WRITES, { kind: 'cut', when: 'after' }),
  faultsAt(ENDS, { kind: 'hang' }),
  faultsAt(['CompleteMultipartUpload'], { kind: 'error-in-200', code: 'InternalError' }),
];

function faultsAt(operations: readonly string[], does: S3Fault['does']): S3Fault[] {
  return operations.map((on) => ({ on, times: Infinity, does }));
}

/** A bucket of a store in the process of the test, so that it outlives the kills. */
export class KillBucket implements KillElement {
  private constructor(
    private readonly double: S3Double,
    private readonly diary: KillDiary,
  ) {}

  static async start(diary: KillDiary): Promise<KillBucket> {
    return new KillBucket(await S3Double.start({ keepsBytes: false }), diary);
  }

  get entry(): object {
    const { url, options } = this.double;
    return {
      driver: 's3',
      endpoint: url,
      bucket: options.bucketName,
      region: options.region,
      prefix: PREFIX,
      partSize: 5 * MIB,
      credentials: DOUBLE_IDENTITY,
    };
  }

  /** Companions are no files. */
  get files(): ReadonlyMap<string, string> {
    const objects = Array.from(this.double.bucket.stored).filter(([key]) => !key.endsWith('.json'));
    return new Map(objects.map(([key, { sha256 }]) => [key.slice(PREFIX.length + 1), sha256]));
  }

  get leftParts(): readonly string[] {
    return Array.from(this.double.bucket.uploads.values(), ({ key }) => key);
  }

  fail(): void {
    this.mend();
    this.double.faults.push(...(FAULTS[randomInt(FAULTS.length)] ?? []));
  }

  mend(): void {
    this.double.faults.length = 0;
  }

  age(): void {
    for (const upload of this.double.bucket.uploads.values())
      upload.initiated = new Date(Date.now() - MONTH_MS);
  }

  tellOf(id: string): void {
    const { url, requests } = this.double;
    for (const { operation, key, partNumber = '', status, at } of requests) {
      if (key.includes(id)) this.diary.note(`${url} ${operation} ${partNumber} ${key}: ${status}`, [id], at);
    }
    const name = this.files.has(id) ? 'has it' : 'has it not';
    this.diary.note(`${url} ${name}`, [id]);
  }

  close(): Promise<void> {
    return this.double.close();
  }
}
