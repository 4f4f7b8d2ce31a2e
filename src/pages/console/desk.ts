import type { Api } from '../shared/api.js';
import type { History } from './history.js';
import type { Snapshot } from './shapes.js';

/** What every screen works with. */
export interface Desk {
  readonly api: Api;
  readonly history: History;
  /** The newest; undefined before the first. */
  readonly snapshot: Snapshot | undefined;
  /** Since when nothing is known, as `14:03:12`; undefined while data comes. */
  readonly unknownSince: string | undefined;
  /** Now by the clock of the service, as far as it is known. */
  nowMs(): number;
  /** Shows again what has changed. */
  redraw(): void;
  /** Shows another screen, or this one with another filter. */
  go(path: string): void;
  /** Says what was done. */
  say(sentence: string): void;
  /** An answer said no: a token that is not accepted any more is asked for. Gives what to show. */
  refused(error: unknown): string;
}

/** One screen. It is made when it is gone to, and told when it is left. */
export interface Screen {
  readonly title: string;
  /** Is it of the stream of data? Then it is dimmed while none comes. */
  readonly isLive?: boolean;
  /** All that it shows now; called after each snapshot, and whenever it asks for it. */
  render(): readonly Node[];
  /** A button was pressed. */
  act?(action: string, subject: string): void;
  close?(): void;
}

/** Where a screen is: its filter stands in the query. */
export interface Place {
  /** What is behind the name of the screen, as an id. */
  readonly rest: string;
  readonly query: URLSearchParams;
}
