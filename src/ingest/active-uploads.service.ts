import { Inject, Injectable } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import type { MeasuredUpload } from '../observability/upload-metrics.js';
import { Replicas } from '../replicas/replicas.service.js';
import { RecentUploads } from './recent-uploads.js';
import { type UploadFacts, UploadProgress } from './upload-progress.js';

/** An upload that is under way. */
export interface ActiveUpload {
  /** Aborted when the upload has to stop; its reason is the error that counts. */
  readonly signal: AbortSignal;
  /** Stops the upload. Only the first error counts. */
  abort(error: Error): void;
  /** What others see of it. */
  readonly progress: UploadProgress;
  /** The upload is over, whatever its outcome. Harmless when repeated. */
  finish(): void;
}

/**
 * What the set of uploads holds of one. A table that the set has outgrown keeps its entries until V8 marks all of the heap: what
 * an upload that is over listened with, its buffers among it, must not hang on them.
 */
interface Entry {
  controller: AbortController | undefined;
  readonly progress: UploadProgress;
}

/** What an order to stop an upload came to: it may not be under way, or so far that nothing stops it any more. */
export type StopResult = 'stopped' | 'too_late' | 'absent';

const RETRY_AFTER_MS = 5_000;

/**
 * Knows the uploads that are under way, those that wait for a place included: new ones are refused while the service shuts
 * down.
 */
@Injectable()
export class ActiveUploads {
  readonly recent = new RecentUploads();
  private readonly entries = new Set<Entry>();
  /** Of those that have a place. */
  private readonly ids = new Set<string>();
  private whenEmpty: (() => void) | undefined;
  private readonly drainage = new AbortController();

  constructor(@Inject(Replicas) private readonly replicas: Pick<Replicas, 'isDrained'>) {}

  /** May a new upload begin? One that goes on with an upload that is here is not new. @throws SHUTTING_DOWN, DRAINING */
  requireNew(): void {
    this.draining.throwIfAborted();
    if (this.replicas.isDrained) throw drained();
  }

  /** Aborted, with SHUTTING_DOWN, when no new uploads are taken any more. */
  get draining(): AbortSignal {
    return this.drainage.signal;
  }

  /** Uploads that have a place. */
  get count(): number {
    return this.ids.size;
  }

  get all(): readonly UploadProgress[] {
    return [...this.entries].map(({ progress }) => progress);
  }

  /** An upload has come, and has no place yet. */
  enter(facts: UploadFacts, measured: MeasuredUpload): ActiveUpload {
    const controller = new AbortController();
    const progress = new UploadProgress(facts, measured);
    const entry: Entry = { controller, progress };
    this.entries.add(entry);
    const finish = (): void => {
      if (this.entries.delete(entry) && progress.phase !== 'waiting') this.ids.delete(progress.uploadId);
      entry.controller = undefined;
      progress.ends();
      if (this.ids.size === 0) this.whenEmpty?.();
    };
    return { signal: controller.signal, abort: (error) => controller.abort(error), finish, progress };
  }

  /**
   * An upload has its place. Only one of an id runs at a time in this process.
   * @throws SHUTTING_DOWN, UPLOAD_IN_PROGRESS
   */
  begin({ progress }: ActiveUpload): void {
    this.draining.throwIfAborted();
    if (this.ids.has(progress.uploadId)) {
      throw new ServiceError('UPLOAD_IN_PROGRESS', 'An upload of this id is in progress.', {
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    this.ids.add(progress.uploadId);
    progress.begins();
  }

  /** Stops the uploads of an id that can be stopped; `error` is what they end with. */
  stop(uploadId: string, error: Error): StopResult {
    const found = [...this.entries].filter(({ progress }) => progress.uploadId === uploadId);
    if (found.length === 0) return 'absent';
    const stoppable = found.filter(({ progress }) => !progress.isTooLateToStop);
    for (const { controller } of stoppable) controller?.abort(error);
    return stoppable.length > 0 ? 'stopped' : 'too_late';
  }

  /**
   * Refuses new uploads, gives those under way `graceMs` milliseconds to finish, then aborts the rest.
   * Resolves with the number of aborted ones, once every upload has been answered.
   */
  async drain(graceMs: number): Promise<number> {
    this.drainage.abort(shuttingDown('takes no new uploads'));
    const timer = new AbortController();
    await Promise.race([this.empty(), elapse(graceMs, timer.signal)]);
    timer.abort();
    const aborted = this.count;
    for (const { controller } of this.entries)
      controller?.abort(shuttingDown('stopped before the upload was complete'));
    await this.empty();
    return aborted;
  }

  private empty(): Promise<void> {
    return new Promise((resolve) => {
      if (this.ids.size === 0) resolve();
      else this.whenEmpty = resolve;
    });
  }
}

function shuttingDown(what: string): ServiceError {
  return new ServiceError('SHUTTING_DOWN', `The service ${what}: it is shutting down.`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function drained(): ServiceError {
  return new ServiceError('DRAINING', 'This replica takes no new uploads: an operator has ordered it.', {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

function elapse(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
  });
}
