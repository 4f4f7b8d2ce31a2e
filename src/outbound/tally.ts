/** The place of one call. */
export interface Place {
  /** The call has come to so many bytes: it counts as that from now on, where it counted as less. Nobody is refused for it. */
  readonly grow: (bytes: number) => void;
  /** Ends the call; a second time does nothing. */
  readonly release: () => void;
}

/** What is left of limits; bytes may be fewer than none, since calls grow. */
export interface Room {
  readonly calls: number;
  readonly bytes: number;
}

/** Counts calls under way, and their bytes. */
export class Tally {
  #calls = 0;
  #bytes = 0;

  get calls(): number {
    return this.#calls;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Counts a call until its place is released; `onReleased` is called then. */
  add(bytes: number, onReleased: () => void): Place {
    let counted = bytes;
    let held = true;
    this.#calls += 1;
    this.#bytes += counted;
    return {
      grow: (total) => {
        if (!held || total <= counted) return;
        this.#bytes += total - counted;
        counted = total;
      },
      release: () => {
        if (!held) return;
        held = false;
        this.#calls -= 1;
        this.#bytes -= counted;
        onReleased();
      },
    };
  }
}

/**
 * May one who has `own` under way have another call of `bytes`? He may have as much as is left for others with it: one
 * alone half of all, each of two a third. So there is always room for another one, and no share has to be configured (the
 * dynamic thresholds of Choudhury and Hahne, 1998, for buffers that are shared). Who has nothing may have one call whatever
 * is left.
 */
export function isFair(own: Tally | undefined, bytes: number, free: Room): boolean {
  if (!own || own.calls === 0) return true;
  return own.calls + 1 <= free.calls - 1 && own.bytes + bytes <= free.bytes - bytes;
}
