import type { Placement } from '../placement.js';

/** A placement while its task is worked on: it is known by then when its last byte went. */
export interface Location extends Placement {
  readonly lastByteAt: number;
  /** Was the file sent there for this upload? What is there may be removed then. */
  readonly sent: boolean;
}

/** Where the file of a task may be, as far as it is known by now. Times are ms since 1970 by the clock of the database. */
export class PossibleLocations {
  readonly #at = new Map<string, Location>();
  /** Those of which there is a row. */
  readonly #written = new Set<string>();

  /** `nowMs` is when the task was claimed: whoever was sending until then has surely stopped. */
  constructor(placements: readonly Placement[], nowMs: number) {
    for (const placement of placements) {
      const { target, lastByteAt } = placement;
      this.#at.set(target, { ...placement, sent: true, lastByteAt: lastByteAt ?? nowMs });
      this.#written.add(target);
    }
  }

  get all(): readonly Location[] {
    return [...this.#at.values()];
  }

  get isEmpty(): boolean {
    return this.#at.size === 0;
  }

  /** Those that may have it from us. */
  get sent(): readonly Location[] {
    return this.all.filter(({ sent }) => sent);
  }

  get anySent(): boolean {
    return this.sent.length > 0;
  }

  /** Of those that have a row, the ones where no file is. */
  get ruledOut(): readonly string[] {
    return [...this.#written].filter((target) => !this.#at.has(target));
  }

  /** Another client may have sent a file of its id to any of these. */
  suspect(targets: readonly string[]): void {
    for (const target of targets) {
      if (!this.#at.has(target))
        this.#at.set(target, { target, sent: false, unverified: true, lastByteAt: 0 });
    }
  }

  /** The file is sent there from now on. */
  beginSending(target: string): void {
    const { unverified = false, lastByteAt = 0 } = this.#at.get(target) ?? {};
    this.#at.set(target, { target, sent: true, unverified, lastByteAt });
    this.#written.add(target);
  }

  /** It has all of the file. */
  handedOver(target: string, nowMs: number): void {
    this.#change(target, { lastByteAt: nowMs });
  }

  /** It is done with what it was sent. */
  answered(target: string): void {
    this.#change(target, { lastByteAt: 0 });
  }

  /** It has no file that was there before. */
  verified(target: string): void {
    this.#change(target, { unverified: false });
  }

  /** Its id is taken there: by this very file, or by one that was there before. */
  taken(target: string): void {
    this.#change(target, { unverified: true, lastByteAt: 0 });
  }

  /** Those that it was not sent to do not matter any more. */
  keepSent(): void {
    for (const { target, sent } of this.all) if (!sent) this.ruleOut(target);
  }

  /** Nothing is left to be done about any of them. */
  ruleOutAll(): void {
    this.#at.clear();
  }

  /** No file of the upload is there, or it is known to be stored there. */
  ruleOut(target: string): void {
    this.#at.delete(target);
  }

  #change(target: string, change: Partial<Location>): void {
    const location = this.#at.get(target);
    if (location) this.#at.set(target, { ...location, ...change });
  }
}
