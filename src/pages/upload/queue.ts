import type { UploadJob } from './upload-job.js';

/** Most files that are sent at a time: a browser has six connections to a host over HTTP/1.1. */
const MAX_AT_ONCE = 3;

/** Sends files in the order in which they came, a few at a time. */
export class UploadQueue {
  private readonly waiting: UploadJob[] = [];
  private sending = 0;

  add(job: UploadJob): void {
    this.waiting.push(job);
    this.next();
  }

  /** One that does not wait any more. */
  drop(job: UploadJob): void {
    const index = this.waiting.indexOf(job);
    if (index >= 0) this.waiting.splice(index, 1);
  }

  private next(): void {
    while (this.sending < MAX_AT_ONCE) {
      const job = this.waiting.shift();
      if (!job) return;
      this.sending += 1;
      void job.send().finally(() => {
        this.sending -= 1;
        this.next();
      });
    }
  }
}
