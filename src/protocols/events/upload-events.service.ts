import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { Caller } from '../../auth/caller.js';
import type { UploadEvent, UploadRecord, UploadStatus } from '../../delivery/upload-record.js';
import { UploadsLedger } from '../../delivery/uploads-ledger.service.js';
import { ServiceError } from '../../errors/service-error.js';
import { ShutdownState } from '../../observability/shutdown-state.js';
import { EventStream } from '../../connections/event-stream.js';
import type { Receipt } from '../../ingest/receipt.dto.js';

/** One who watches an upload. */
interface Watcher {
  readonly uploadId: string;
  readonly subject: string;
  readonly stream: EventStream;
  /** Of the last event that was sent. */
  revision: number;
  bytesDelivered: number;
  /** Is it being told something? Then a look in between would tell it twice. */
  busy: boolean;
}

/** Of a file that was stored at once: there is one state, and nothing follows. */
const ONLY_REVISION = 1;

const POLL_MS = 500;
/** While the database is away. */
const SLOW_POLL_MS = 5_000;
const MAX_STREAMS = 1_000;
const MAX_STREAMS_PER_CALLER = 50;
const RETRY_AFTER_MS = 5_000;

/** After these nothing happens, unless an operator wills it. */
const LAST = new Set<UploadStatus>(['active', 'dead', 'cancelled', 'expired']);

/**
 * Tells clients what happens to their uploads while it happens. The ledger is asked for all of them at once, and is not
 * asked when nobody watches.
 */
@Injectable()
export class UploadEvents implements BeforeApplicationShutdown {
  private readonly logger = new Logger(UploadEvents.name);
  private readonly watchers = new Set<Watcher>();
  private timer: NodeJS.Timeout | undefined;
  private failing = false;

  constructor(
    private readonly ledger: UploadsLedger,
    private readonly shutdown: ShutdownState,
  ) {}

  /**
   * Sends what happened to an upload after `revision`, and what happens from now on, until it comes to an end or the
   * token of the caller does.
   * @throws SHUTTING_DOWN, RATE_LIMITED, BULKHEAD_FULL
   */
  async watch(
    record: UploadRecord,
    caller: Caller,
    revision: number,
    response: ServerResponse,
  ): Promise<void> {
    this.admit(caller);
    // One that we cannot have told is of another upload, or made up.
    const seen = revision <= record.revision ? revision : 0;
    const stream = new EventStream(response, () => this.watchers.delete(watcher));
    const { uploadId } = record;
    const watcher: Watcher = {
      uploadId,
      subject: caller.subject,
      stream,
      revision: seen,
      bytesDelivered: 0,
      busy: false,
    };
    if (!stream.begin()) return;
    stream.endAt(caller.expiresAtMs);
    this.watchers.add(watcher);
    this.schedule(POLL_MS);
    await this.tell(watcher, record).catch((error: unknown) => this.failed(error));
  }

  /** Sends the one thing that is known of a file that was stored at once. */
  tellOnce({ upload_id, status, file_id, uploaded_at: at }: Receipt, response: ServerResponse): void {
    const stream = new EventStream(response, () => undefined);
    if (!stream.begin()) return;
    const data = { upload_id, status, file_id, at };
    stream.send({ event: 'status', id: String(ONLY_REVISION), data });
    stream.end();
  }

  /** Open streams would hold the port open; clients come back elsewhere, and miss nothing. */
  beforeApplicationShutdown(): void {
    this.endAll();
  }

  private admit({ subject }: Caller): void {
    const retryAfterMs = RETRY_AFTER_MS;
    if (this.shutdown.isShuttingDown) {
      throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.', { retryAfterMs });
    }
    if (this.watchers.size >= MAX_STREAMS) {
      throw new ServiceError('BULKHEAD_FULL', 'Too many uploads are watched; try again later.', {
        retryAfterMs,
      });
    }
    const own = [...this.watchers].filter((watcher) => watcher.subject === subject).length;
    if (own >= MAX_STREAMS_PER_CALLER) {
      const detail = `No more than ${MAX_STREAMS_PER_CALLER} uploads can be watched at once.`;
      throw new ServiceError('RATE_LIMITED', detail, { retryAfterMs });
    }
  }

  private schedule(ms: number): void {
    if (this.watchers.size === 0) return;
    this.timer ??= setTimeout(() => void this.poll(), ms).unref();
  }

  private async poll(): Promise<void> {
    if (this.shutdown.isShuttingDown) this.endAll();
    try {
      await this.look();
      this.failing = false;
    } catch (error) {
      this.failed(error);
    }
    this.timer = undefined;
    this.schedule(this.failing ? SLOW_POLL_MS : POLL_MS);
  }

  private async look(): Promise<void> {
    const watched = [...this.watchers];
    if (watched.length === 0) return;
    const ids = new Set(watched.map(({ uploadId }) => uploadId));
    const records = new Map((await this.ledger.findAll([...ids])).map((record) => [record.uploadId, record]));
    for (const watcher of watched) {
      const record = records.get(watcher.uploadId);
      // The receipt was kept for its time.
      if (!record) watcher.stream.end();
      else await this.tell(watcher, record);
    }
  }

  private async tell(watcher: Watcher, record: UploadRecord): Promise<void> {
    if (watcher.busy) return;
    watcher.busy = true;
    try {
      if (record.revision > watcher.revision) await this.catchUp(watcher);
    } finally {
      watcher.busy = false;
    }
    if (record.status === 'delivering' && record.bytesDelivered !== watcher.bytesDelivered) {
      watcher.bytesDelivered = record.bytesDelivered;
      watcher.stream.send({ event: 'progress', data: progressOf(record) });
    }
    if (isOver(record, watcher.revision)) watcher.stream.end();
  }

  private async catchUp(watcher: Watcher): Promise<void> {
    for (const event of await this.ledger.events(watcher.uploadId, watcher.revision)) {
      const data = { upload_id: watcher.uploadId, ...statusOf(event) };
      watcher.stream.send({ event: 'status', id: String(event.revision), data });
      watcher.revision = event.revision;
    }
  }

  /** Once for each time that the database goes away; the streams stay open, since it will be back. */
  private failed(error: unknown): void {
    if (!this.failing) this.logger.warn({ err: error }, 'those who watch uploads are not told anything');
    this.failing = true;
  }

  private endAll(): void {
    for (const { stream } of this.watchers) stream.end();
  }
}

/** Was the event `revision` the last one? A record is absent where there is only one state. */
export function isOver(record: UploadRecord | undefined, revision: number): boolean {
  return record ? LAST.has(record.status) && revision === record.revision : revision === ONLY_REVISION;
}

/** Only what is meant for outside: an event may have more in it, such as the name of a storage element. */
function statusOf({ type, data, at }: UploadEvent): Record<string, unknown> {
  const { status = type, file_id = null, reason } = data;
  return { status, file_id, reason, at: at.toISOString() };
}

function progressOf({ uploadId, bytesDelivered, digest }: UploadRecord): Record<string, unknown> {
  return { upload_id: uploadId, bytes_delivered: bytesDelivered, size: digest.size };
}
