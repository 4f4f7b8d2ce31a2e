import { type Api, ApiError, problemOf, type Problem } from '../shared/api.js';
import { EventReader } from './event-reader.js';
import type { Snapshot } from './shapes.js';

export type FeedState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  | { readonly kind: 'lost'; readonly why: string; readonly retryAtMs: number };

interface Listener {
  onSnapshot(snapshot: Snapshot): void;
  onState(state: FeedState): void;
  /** The token is not accepted, or not any more. */
  onRefused(problem: Problem): void;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** The service sends something every second, and a heartbeat every 15. */
const SILENCE_MS = 20_000;

/** Follows `GET /api/v1/live`, and comes back when it breaks off, ever more slowly. */
export class LiveFeed {
  private ending: AbortController | undefined;

  constructor(
    private readonly api: Api,
    private readonly listener: Listener,
  ) {}

  start(): void {
    this.stop();
    const ending = new AbortController();
    this.ending = ending;
    void this.follow(ending.signal);
  }

  stop(): void {
    this.ending?.abort();
    this.ending = undefined;
  }

  private async follow(signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      let why = 'The stream of data ended.';
      try {
        if (await this.readOnce(signal)) waitMs = FIRST_WAIT_MS;
      } catch (error) {
        if (signal.aborted) return;
        if (isRefusal(error)) {
          this.listener.onRefused(error.problem);
          return;
        }
        why = error instanceof Error ? error.message : String(error);
      }
      if (signal.aborted) return;
      // Not all consoles come back at the same moment.
      const ms = waitMs * (0.75 + Math.random() / 2);
      this.listener.onState({ kind: 'lost', why, retryAtMs: performance.now() + ms });
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      await pause(ms, signal);
    }
  }

  /** Gives whether there was a snapshot. @throws ApiError, or whatever broke the stream */
  private async readOnce(signal: AbortSignal): Promise<boolean> {
    const silence = new Silence();
    try {
      const either = AbortSignal.any([signal, silence.signal]);
      const response = await this.api.send('/api/v1/live', { signal: either });
      if (!response.ok || !response.body) throw new ApiError(await problemOf(response));
      this.listener.onState({ kind: 'live' });
      return await this.readAll(response.body, silence);
    } finally {
      silence.end();
    }
  }

  private async readAll(body: ReadableStream<Uint8Array<ArrayBuffer>>, silence: Silence): Promise<boolean> {
    const events = new EventReader();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let isSeen = false;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return isSeen;
      silence.broken();
      // Of several that came at once only the newest is of use.
      const newest = events.read(value).findLast(({ event }) => event === 'snapshot');
      if (!newest) continue;
      isSeen = true;
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service's events have the shape that it documents
      this.listener.onSnapshot(JSON.parse(newest.data) as Snapshot);
    }
  }
}

/** Ends what says nothing for too long: a connection can be gone without a word. */
class Silence {
  private readonly ending = new AbortController();
  private timer = 0;

  constructor() {
    this.broken();
  }

  get signal(): AbortSignal {
    return this.ending.signal;
  }

  broken(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(
      () => this.ending.abort(new Error('The service said nothing for 20 s.')),
      SILENCE_MS,
    );
  }

  end(): void {
    clearTimeout(this.timer);
  }
}

function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && (error.problem.status === 401 || error.problem.status === 403);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
