import { z } from 'zod';
import { abortable } from '../../../outbound/abortable.js';
import { NextRun } from '../../../timing/next-run.js';
import { complaintOf, elementOf, headerOf, type S3Answer, xmlOf } from './s3-answers.js';
import type { S3Client, S3Request } from './s3-client.js';
import { checksumHeaders, type Payload } from './payload.js';
import { pause } from './s3-retries.js';
import type { ChecksumKind } from './s3-settings.js';
import { storageFailed } from '../storage-failures.js';

/** What became of a write that was to overwrite nothing. */
export type WriteOutcome = 'written' | 'taken';

const CONDITION_TRIES = 4;

const listSchema = z.object({
  ListBucketResult: elementOf({
    Contents: z.array(z.looseObject({ Key: z.string() })).default([]),
  }),
});

/** Objects of one bucket, each sent as a whole. */
export class S3Objects {
  readonly #bucketChecks: NextRun<void>;

  /** `closed` ends what is shared by several requests. */
  constructor(
    private readonly client: S3Client,
    private readonly checksum: ChecksumKind,
    closed: AbortSignal,
  ) {
    this.#bucketChecks = new NextRun(() => this.checkBucket(closed));
  }

  /** What the store says of an object, without its bytes; undefined where there is none. */
  async head(key: string, signal: AbortSignal): Promise<S3Answer | undefined> {
    const answer = await this.headBeforeWrite(key, signal);
    // An answer to HEAD does not say whether it is the object or the bucket that is not there. That is looked at after it.
    if (!answer) await abortable(signal, this.#sharedCheck(signal));
    return answer;
  }

  /** The same for who writes the object next: then it shows whether there is a bucket, and that is not asked. */
  async headBeforeWrite(key: string, signal: AbortSignal): Promise<S3Answer | undefined> {
    return this.#found({ operation: 'HeadObject', method: 'HEAD', key }, signal);
  }

  /** The text of a small object; undefined where there is none. */
  async text(key: string, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#found({ operation: 'GetObject', method: 'GET', key }, signal))?.text;
  }

  /** Writes an object, whatever is there. */
  async put(
    key: string,
    payload: Payload,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    this.#check(payload, await this.client.succeed(this.#putRequest(key, payload, headers), signal));
  }

  /** Writes an object where there is none. Only for stores that know conditions. */
  async create(
    key: string,
    payload: Payload,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<WriteOutcome> {
    const request = this.#putRequest(key, payload, { ...headers, 'if-none-match': '*' });
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.client.send(request, signal);
      if (answer.status === 412) return 'taken';
      if (answer.status < 300 && !complaintOf(answer)) {
        this.#check(payload, answer);
        return 'written';
      }
      // Another write of the key is under way.
      if (answer.status !== 409 || attempt === CONDITION_TRIES) throw this.client.failureOf(request, answer);
      await pause(attempt, signal);
    }
  }

  /** No error where there is none. */
  async remove(key: string, signal: AbortSignal): Promise<void> {
    const request: S3Request = { operation: 'DeleteObject', method: 'DELETE', key };
    const answer = await this.client.send(request, signal);
    if (answer.status >= 300 && answer.status !== 404) throw this.client.failureOf(request, answer);
  }

  /** The first thousand keys that begin with `start`. */
  async keysFrom(start: string, signal: AbortSignal): Promise<string[]> {
    const query = { 'list-type': '2', prefix: start };
    const { text } = await this.client.succeed({ operation: 'ListObjectsV2', method: 'GET', query }, signal);
    const { data } = listSchema.safeParse(xmlOf(text));
    if (!data) throw storageFailed('The storage element gave an answer that is not understood.');
    return data.ListBucketResult.Contents.map(({ Key }) => Key);
  }

  /** @throws STORAGE_FAILED, STORAGE_TIMEOUT where the bucket cannot be used */
  async checkBucket(signal: AbortSignal): Promise<void> {
    await this.client.succeed({ operation: 'HeadBucket', method: 'HEAD' }, signal);
  }

  /** A look that fails says nothing of the others who share it: each of them looks for itself. */
  async #sharedCheck(signal: AbortSignal): Promise<void> {
    await this.#bucketChecks.get().catch(() => this.checkBucket(signal));
  }

  #putRequest(key: string, payload: Payload, headers: Readonly<Record<string, string>>): S3Request {
    const checksum = checksumHeaders(this.checksum, payload.digests);
    return { operation: 'PutObject', method: 'PUT', key, headers: { ...headers, ...checksum }, payload };
  }

  async #found(request: S3Request, signal: AbortSignal): Promise<S3Answer | undefined> {
    const answer = await this.client.send(request, signal);
    if (answer.status < 300) return answer;
    if (answer.status !== 404 || complaintOf(answer)?.code === 'NoSuchBucket')
      throw this.client.failureOf(request, answer);
    return undefined;
  }

  #check(payload: Payload, answer: S3Answer): void {
    checkAcknowledged(checksumHeaders(this.checksum, payload.digests), answer);
  }
}

/** Compares the checksum that a store says it has with the one that was sent. @throws STORAGE_FAILED when they differ */
export function checkAcknowledged(sent: Readonly<Record<string, string>>, answer: S3Answer): void {
  for (const [name, value] of Object.entries(sent)) {
    const acknowledged = headerOf(answer, name);
    if (acknowledged === undefined || acknowledged === value) continue;
    const cause = new Error(`The store says that ${name} is ${acknowledged}, and ${value} was sent`);
    throw storageFailed('The storage element did not store the bytes as they were sent.', cause);
  }
}
