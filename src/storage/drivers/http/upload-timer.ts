import type { ServiceError } from '../../../errors/service-error.js';
import type { TimeoutPhase } from '../../../observability/outbound-metrics.js';
import { commitTimeMs } from '../../commit-time.js';
import type { UploadTimeouts } from '../upload-timeouts.js';
import { storageTimeout } from '../storage-failures.js';

/**
 * The time of one upload. While the body goes out it finds a stall of the element, which holds bytes of ours and gets rid
 * of none. After the body, when the last byte was handed to the socket, it limits the wait for the answer.
 */
export class UploadTimer {
  #timer: NodeJS.Timeout;
  #isSending = true;

  constructor(
    private readonly timeouts: UploadTimeouts,
    private readonly onTimeout: (error: ServiceError) => void,
    /** Is there nothing just now that the element could take? Then it does not stall. */
    private readonly hasNothing: () => boolean = () => false,
  ) {
    this.#timer = setTimeout(() => this.#checkStall(), timeouts.stallMs);
  }

  /** The element has taken something, and has now to take more. `refresh` costs next to nothing. */
  moved(): void {
    if (this.#isSending) this.#timer.refresh();
  }

  /** The element was sent the last of `bytes`. */
  taken(bytes: number): void {
    this.#limit(commitTimeMs(bytes, this.timeouts.commitMs), 'commit', 'confirm the file');
  }

  answeredEarly(): void {
    this.#limit(this.timeouts.requestMs, 'headers', 'finish its answer');
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #checkStall(): void {
    if (this.hasNothing()) return;
    this.onTimeout(storageTimeout('The storage element stopped taking the file.', 'stall'));
  }

  #limit(ms: number, phase: TimeoutPhase, what: string): void {
    this.stop();
    this.#isSending = false;
    this.#timer = setTimeout(
      () => this.onTimeout(storageTimeout(`The storage element did not ${what} in time.`, phase)),
      ms,
    );
  }
}
