import type { ServiceError } from '../../../errors/service-error.js';
import type { TimeoutPhase } from '../../../observability/outbound-metrics.js';
import { commitTimeMs } from '../../commit-time.js';
import { storageTimeout } from './element-errors.js';
import { ElementPace, type ElementPaceLimits } from './element-pace.js';
import type { OutgoingMultipart } from './outgoing-multipart.js';

/** What an element has time for, in milliseconds. */
export interface UploadTimeouts extends ElementPaceLimits {
  /** To take a byte while we have one. */
  readonly stallMs: number;
  /** At least, to answer after the last byte. */
  readonly commitMs: number;
  /** To finish an answer that it began before the last byte. */
  readonly requestMs: number;
}

/**
 * The time of one upload. While the body goes out it finds a stall of the element: undici holds bytes of ours
 * (it has paused the body, or has not begun to read it) and gets rid of none; and one that takes them too slowly. A body
 * that is read but has nothing to give is the client's business and never the element's. After the body, when the last
 * byte was handed to the socket, it limits the wait for the answer.
 */
export class UploadTimer {
  #timer: NodeJS.Timeout;
  readonly #pace: ElementPace;

  constructor(
    private readonly form: OutgoingMultipart,
    private readonly timeouts: UploadTimeouts,
    private readonly onTimeout: (error: ServiceError) => void,
  ) {
    this.#timer = setTimeout(() => this.#checkStall(), timeouts.stallMs);
    this.#pace = new ElementPace(form, timeouts, () =>
      onTimeout(storageTimeout('The storage element takes the file too slowly.', 'stall')),
    );
    form.on('pause', this.#onPause).once('end', this.#onEnd);
  }

  /** Called when an answer begins before the body has ended. */
  answeredEarly(): void {
    this.#limit(this.timeouts.requestMs, 'headers', 'finish its answer');
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#pace.stop();
    this.form.off('pause', this.#onPause).off('end', this.#onEnd);
  }

  /** `refresh` costs next to nothing, and undici pauses the body with nearly every chunk. */
  readonly #onPause = (): void => {
    this.#timer.refresh();
  };

  readonly #onEnd = (): void => {
    this.#limit(commitTimeMs(this.form.bytesTaken, this.timeouts.commitMs), 'commit', 'confirm the file');
  };

  #checkStall(): void {
    if (this.form.readableFlowing === true) return;
    this.onTimeout(storageTimeout('The storage element stopped taking the file.', 'stall'));
  }

  #limit(ms: number, phase: TimeoutPhase, what: string): void {
    this.stop();
    this.#timer = setTimeout(
      () => this.onTimeout(storageTimeout(`The storage element did not ${what} in time.`, phase)),
      ms,
    );
  }
}
