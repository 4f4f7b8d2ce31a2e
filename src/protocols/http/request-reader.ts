import type { IncomingMessage } from 'node:http';
import { asError } from '../../errors/as-error.js';
import { departureOf, isGone } from '../../errors/client-departure.js';
import type { FileSink } from '../../ingest/upload-source.js';
import { ClientPace, type PaceLimits } from './client-pace.js';

/**
 * Moves the body of one request into a consumer, as fast as the consumer takes it and the client sends it.
 * `done` settles once: when the whole body has been consumed, or with what went wrong first.
 */
export class RequestReader {
  readonly done: Promise<void>;
  private readonly pace: ClientPace;
  private received = 0;
  private settled = false;
  private ended = false;
  private blocked = false;
  private resolve!: () => void;
  private reject!: (error: Error) => void;

  constructor(
    private readonly request: IncomingMessage,
    private readonly consumer: FileSink,
    limits: PaceLimits,
    private readonly onReceived: (bytes: number) => void = () => undefined,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.pace = new ClientPace(
      limits,
      () => !this.blocked,
      (error) => this.stop(error),
    );
    request
      .on('data', this.onData)
      .once('end', this.onEnd)
      .once('error', this.onGone)
      .once('close', this.onGone);
    if (isGone(request)) this.onGone();
  }

  /** Stops reading and leaves what is still to come unread. Harmless when repeated. */
  stop(error: Error): void {
    if (!this.settle()) return;
    this.request.pause();
    this.reject(error);
  }

  private readonly onData = (chunk: Buffer): void => {
    this.received += chunk.length;
    this.pace.received(chunk.length);
    try {
      this.onReceived(this.received);
      this.consumer.write(chunk);
    } catch (error) {
      this.stop(asError(error));
      return;
    }
    const { backPressure } = this.consumer;
    if (backPressure) this.pauseUntil(backPressure);
  };

  private pauseUntil(condition: Promise<void>): void {
    this.blocked = true;
    this.request.pause();
    condition.then(
      () => this.unblock(),
      (error: unknown) => this.stop(asError(error)),
    );
  }

  private unblock(): void {
    const { backPressure } = this.consumer;
    if (backPressure) return this.pauseUntil(backPressure);
    this.blocked = false;
    if (!this.settled) this.request.resume();
  }

  private readonly onEnd = (): void => {
    this.ended = true;
    this.pace.stop();
    this.consumer.end().then(
      () => this.complete(),
      (error: unknown) => this.stop(asError(error)),
    );
  };

  private complete(): void {
    if (this.settle()) this.resolve();
  }

  /** `error` and `close` come after a complete body as well; then there is nothing left to read. */
  private readonly onGone = (): void => {
    if (!this.ended) this.stop(departureOf(this.request));
  };

  private settle(): boolean {
    if (this.settled) return false;
    this.settled = true;
    this.pace.stop();
    this.request
      .off('data', this.onData)
      .off('end', this.onEnd)
      .off('error', this.onGone)
      .off('close', this.onGone);
    // A connection that breaks while an error is being answered must not end the process.
    this.request.on('error', () => undefined);
    return true;
  }
}
