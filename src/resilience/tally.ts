/** The place of one call. */
export interface Place {
  /** The call has come to so many bytes: it counts as that from now on, where it counted as less. Nobody is refused for it. */
  readonly grow: (bytes: number) => void;
  /** Ends the call; a second time does nothing. */
  readonly release: () => void;
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
