import { Logger, type OnApplicationShutdown } from '@nestjs/common';

/** Often enough to stay clear of the amount at which V8 starts to mark, seldom enough to cost next to nothing. */
const COLLECT_EVERY_BYTES = 8 * 1024 * 1024;

/** So long no body goes through before what a busy time has left is collected. */
const REST_MS = 10_000;

/** Has V8 collect what is young, or everything; it returns when that is done. */
type Collector = (options: { readonly type: 'minor' | 'major' }) => void;

/**
 * Has the buffers of bodies that went through collected while they are young.
 *
 * V8 looks after its young objects when they fill their space, and a buffer of 64 KiB is there an object of some 100
 * bytes. So hundreds of MB of dead buffers may lie about before it looks; but their bytes count against the size at
 * which it marks the whole heap. Left to itself it marked a heap of 40 MB once for every 35 MB of an upload, which
 * took more time than all else together (docs/benchmarks.md). A young collection takes below 1 ms.
 */
export class MinorGc implements OnApplicationShutdown {
  #freedBytes = 0;
  /** Did bodies go through since the last look, and since all was collected? */
  #isBusy = false;
  #isCollected = true;
  #looking: NodeJS.Timeout | undefined;

  constructor(private readonly collect: Collector | undefined = givenCollector()) {}

  /** Counts bytes of buffers that nobody holds any more. */
  freed(bytes: number): void {
    this.#isBusy = true;
    this.#freedBytes += bytes;
    if (this.#freedBytes < COLLECT_EVERY_BYTES) return;
    this.#freedBytes = 0;
    this.collect?.({ type: 'minor' });
  }

  /**
   * Has everything collected, once: how far the heap may grow before V8 looks, it takes from what lived the last time;
   * without this, from the start, in which there is three times as much. From now on the same is done whenever the service has a
   * rest: V8 does it only once the heap has grown again, so that a service which was busy would keep the most that it ever had. Where the process was started without V8's flags, a
   * warning tells.
   */
  endOfStart(): void {
    if (this.collect) {
      this.collect({ type: 'major' });
      this.#looking = setInterval(() => this.#look(), REST_MS).unref();
      return;
    }
    new Logger(MinorGc.name).warn('started without the V8 flags of package.json: large uploads are slower');
  }

  onApplicationShutdown(): void {
    clearInterval(this.#looking);
  }

  #look(): void {
    const rests = !this.#isBusy;
    this.#isBusy = false;
    if (rests && !this.#isCollected) this.collect?.({ type: 'major' });
    this.#isCollected = rests;
  }
}

/** What `--expose-gc` gives; a process that was started without it does without. */
function givenCollector(): Collector | undefined {
  const collect: unknown = globalThis.gc;
  return isCollector(collect) ? collect : undefined;
}

function isCollector(value: unknown): value is Collector {
  return typeof value === 'function';
}
