import type { ServerResponse } from 'node:http';
import { type BeforeApplicationShutdown, Injectable, Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { EventStream, eventText } from '../connections/event-stream.js';
import { ServiceError } from '../errors/service-error.js';
import { ShutdownState } from '../observability/shutdown-state.js';
import { LiveSnapshots } from './live-snapshots.service.js';

const EVERY_MS = 1_000;
const MAX_WATCHERS = 100;
const RETRY_AFTER_MS = 5_000;

/** Sends snapshots to those who watch: one a second, made once for all of them, and none while nobody does. */
@Injectable()
export class LiveWatchers implements BeforeApplicationShutdown {
  private readonly logger = new Logger(LiveWatchers.name);
  private readonly streams = new Set<EventStream>();
  private timer: NodeJS.Timeout | undefined;
  private isMaking = false;
  private last: { readonly text: string; readonly atMs: number } | undefined;

  constructor(
    private readonly snapshots: LiveSnapshots,
    private readonly shutdown: ShutdownState,
  ) {}

  /** How many watch. */
  get watching(): number {
    return this.streams.size;
  }

  /** Sends snapshots until the token of the caller ends. @throws SHUTTING_DOWN, BULKHEAD_FULL */
  watch(caller: Caller, response: ServerResponse): void {
    const retryAfterMs = RETRY_AFTER_MS;
    if (this.shutdown.isShuttingDown)
      throw new ServiceError('SHUTTING_DOWN', 'The service is shutting down.', { retryAfterMs });
    if (this.streams.size >= MAX_WATCHERS)
      throw new ServiceError('BULKHEAD_FULL', 'Too many watch already; try again later.', { retryAfterMs });
    const stream = new EventStream(response, () => this.left(stream));
    if (!stream.begin()) return;
    stream.endAt(caller.expiresAtMs);
    this.streams.add(stream);
    this.timer ??= setInterval(() => void this.tell(), EVERY_MS).unref();
    if (this.last && performance.now() - this.last.atMs < EVERY_MS) stream.offer(this.last.text);
    else void this.tell();
  }

  /** Open streams would hold the port open. */
  beforeApplicationShutdown(): void {
    this.endAll();
  }

  private async tell(): Promise<void> {
    if (this.shutdown.isShuttingDown) this.endAll();
    // Whoever has just come gets the one that is being made.
    if (this.isMaking || this.streams.size === 0) return;
    this.isMaking = true;
    try {
      const text = eventText({ event: 'snapshot', data: await this.snapshots.take() });
      this.last = { text, atMs: performance.now() };
      for (const stream of this.streams) stream.offer(text);
    } catch (error) {
      this.logger.error({ err: error }, 'a snapshot for those who watch was not made');
    } finally {
      this.isMaking = false;
    }
  }

  private left(stream: EventStream): void {
    this.streams.delete(stream);
    if (this.streams.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private endAll(): void {
    for (const stream of this.streams) stream.end();
  }
}
