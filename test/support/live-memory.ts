import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * How much more memory this process needs since this was made. What waits for the garbage collector is not
 * counted: its amount depends on the machine and on everything that ran before.
 */
export class LiveMemory {
  readonly #before = liveBytes();
  #most = this.#before;

  /** Takes a sample; costs up to 100 ms. */
  sample(): void {
    this.#most = Math.max(this.#most, liveBytes());
  }

  /** Bytes between the beginning and the highest sample. */
  get grownBytes(): number {
    return this.#most - this.#before;
  }
}

function liveBytes(): number {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  collectGarbage();
  // What the first has found is given back, and counted as such, only with the second.
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
