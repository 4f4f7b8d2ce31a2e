/** Does `work`, which never fails, at once and then every `everyMs` milliseconds, unless it is still under way. */
export class RegularWork {
  private readonly timer: NodeJS.Timeout;
  private running: Promise<unknown> | undefined;

  constructor(
    private readonly work: () => Promise<unknown>,
    everyMs: number,
  ) {
    this.begin();
    this.timer = setInterval(() => this.begin(), everyMs).unref();
  }

  /** Begins it no more, and waits for what is under way. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.running;
  }

  private begin(): void {
    this.running ??= this.work().finally(() => {
      this.running = undefined;
    });
  }
}
