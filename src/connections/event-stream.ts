import type { ServerResponse } from 'node:http';
import { HALF_CLOSED_PROBE_MS } from '../errors/half-closed-clients.js';
import { MAX_TIMER_MS } from '../config/timer-limit.js';

export const EVENT_STREAM = 'text/event-stream';

/** Proxies and load balancers close what is silent for a minute, some sooner. */
const HEARTBEAT_MS = 15_000;
/** What a client that ends the stream, or loses it, waits before it comes back. */
const RECONNECT_MS = 2_000;
/** A client that does not read what little there is to read is not there any more. */
const MAX_UNREAD_BYTES = 64 * 1024;

export interface ServerEvent {
  readonly event: string;
  /** What the client names as `Last-Event-ID` when it comes back; absent where it need not know that it has seen it. */
  readonly id?: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Whoever reads nothing for so many events in a row that may be lost, is not there any more. */
const MAX_LOST_EVENTS = 60;

/** An event as it is sent, for those that are sent to many. */
export function eventText({ event, id, data }: ServerEvent): string {
  const lines = [
    `event: ${event}`,
    ...(id === undefined ? [] : [`id: ${id}`]),
    `data: ${JSON.stringify(data)}`,
  ];
  return `${lines.join('\n')}\n\n`;
}

/** Server-sent events on one answer (WHATWG HTML section 9.2), with a heartbeat. */
export class EventStream {
  private heartbeat: NodeJS.Timeout | undefined;
  private ending: NodeJS.Timeout | undefined;
  private over = false;
  /** Events in a row that were not sent, as the client does not read. */
  private lost = 0;

  /** `onClosed` is called, once, when the stream is over, whoever ended it. */
  constructor(
    private readonly response: ServerResponse,
    private readonly onClosed: () => void,
  ) {}

  /** Begins the answer. False where the client has left already. */
  begin(): boolean {
    const { response } = this;
    // It has been closed, and does not say so again.
    if (response.destroyed) {
      this.close();
      return false;
    }
    response.once('close', () => this.close());
    this.beatEvery(HEARTBEAT_MS);
    this.watchHalfClose();
    response.writeHead(200, {
      'Content-Type': EVENT_STREAM,
      // Whoever stores or compresses it on the way would hold it back.
      'Cache-Control': 'no-store, no-transform',
      'X-Accel-Buffering': 'no',
      // Kept alive behind the stream, it would hold up a server that closes.
      Connection: 'close',
    });
    this.write(`retry: ${RECONNECT_MS}\n\n`);
    return true;
  }

  send(event: ServerEvent): void {
    this.write(eventText(event));
  }

  /** Sends the text of an event that may be lost: it is, while the client has not read what was sent before. */
  offer(text: string): void {
    const { response } = this;
    if (response.writableEnded || response.destroyed) return;
    if (response.writableLength === 0) {
      this.lost = 0;
      response.write(text);
      return;
    }
    this.lost += 1;
    if (this.lost > MAX_LOST_EVENTS) response.destroy();
  }

  /** Ends it at a time in milliseconds since 1970, in 24 days at the latest; the client comes back then. */
  endAt(timeMs: number): void {
    if (this.over) return;
    this.ending = setTimeout(() => this.end(), Math.min(Math.max(timeMs - Date.now(), 0), MAX_TIMER_MS));
  }

  end(): void {
    this.response.end();
    this.close();
  }

  private beatEvery(ms: number): void {
    clearInterval(this.heartbeat);
    this.heartbeat = setInterval(() => {
      // Much that is unread shows as well whether the client is there.
      if (this.response.writableLength < MAX_UNREAD_BYTES) this.write(': heartbeat\n\n');
    }, ms);
  }

  /** A client that has closed its side reads on, or has gone: heartbeats show which, and must not take long for it. */
  private watchHalfClose(): void {
    const { socket } = this.response.req;
    const onEnd = (): void => {
      if (!this.over) this.beatEvery(HALF_CLOSED_PROBE_MS);
    };
    if (socket.readableEnded) onEnd();
    else socket.once('end', onEnd);
  }

  private close(): void {
    clearInterval(this.heartbeat);
    clearTimeout(this.ending);
    if (this.over) return;
    this.over = true;
    this.onClosed();
  }

  private write(text: string): void {
    if (this.response.writableEnded || this.response.destroyed) return;
    this.response.write(text);
    if (this.response.writableLength > MAX_UNREAD_BYTES) this.response.destroy();
  }
}
