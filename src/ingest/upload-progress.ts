import type { MeasuredUpload } from '../observability/upload-metrics.js';
import type { UploadSource } from './upload-source.js';

/** What is known of an upload before its first byte. */
export type UploadFacts = Pick<UploadSource, 'uploadId' | 'protocol' | 'caller' | 'declaredBytes'>;

/**
 * `waiting`: for a place; `receiving`: its bytes come, and may go on to a storage element meanwhile; `storing`: all have come,
 * and an element is to confirm the file; `accepting`: all have come, and the file is promised, to be stored later.
 */
export type UploadPhase = 'waiting' | 'receiving' | 'storing' | 'accepting';

const COMPLETE = { complete: true };

/**
 * How far an upload is. It is written down in passing and worked out when somebody looks, so that an upload nobody looks at costs
 * a few assignments.
 */
export class UploadProgress {
  readonly uploadId: string;
  readonly protocol: string;
  /** The subject of the caller. */
  readonly caller: string;
  readonly declaredBytes: number | undefined;
  readonly startedAtMs = Date.now();
  /** Where the file was sent last. */
  target: string | undefined;
  /** How often it was sent somewhere. */
  attempts = 0;
  private readonly measured: MeasuredUpload;
  private readonly startedMs = performance.now();
  private placeSinceMs: number | undefined;
  private body: { readonly complete: boolean } | undefined;
  private isAccepting = false;
  private isBeyondRecall = false;

  constructor({ uploadId, protocol, caller, declaredBytes }: UploadFacts, measured: MeasuredUpload) {
    this.uploadId = uploadId;
    this.protocol = protocol;
    this.caller = caller.subject;
    this.declaredBytes = declaredBytes;
    this.measured = measured;
  }

  /** It has its place. */
  begins(): void {
    this.placeSinceMs = performance.now();
  }

  /** This is where its bytes go. */
  follows(body: { readonly complete: boolean }): void {
    this.body = body;
  }

  /** The file is at its place, or goes there whatever becomes of this request. */
  goesOn(): void {
    this.body = COMPLETE;
    this.isBeyondRecall = true;
  }

  sendsTo(target: string): void {
    this.target = target;
    this.attempts += 1;
  }

  /** Its file is to be stored later. */
  accepts(): void {
    this.isAccepting = true;
  }

  /** It is over: nothing of its bytes may hang on what is left of it. */
  ends(): void {
    this.body = undefined;
  }

  get phase(): UploadPhase {
    if (this.placeSinceMs === undefined) return 'waiting';
    if (!this.body?.complete) return 'receiving';
    return this.isAccepting ? 'accepting' : 'storing';
  }

  /** Is it too late to stop it? A promise that is being written down may have been made. */
  get isTooLateToStop(): boolean {
    return this.isBeyondRecall || this.phase === 'accepting';
  }

  /** Of the file, or of the part of it that this request brings. */
  get receivedBytes(): number {
    return this.measured.receivedBytes();
  }

  /** On average, since it has its place. */
  get bytesPerSecond(): number {
    if (this.placeSinceMs === undefined) return 0;
    const elapsedMs = Math.max(1, performance.now() - this.placeSinceMs);
    return Math.round((this.receivedBytes * 1000) / elapsedMs);
  }

  get elapsedMs(): number {
    return Math.round(performance.now() - this.startedMs);
  }
}
