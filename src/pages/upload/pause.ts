/** A pause that ends after its time, when it is woken, or when the signal ends it. */
export class Pause {
  private wakeUp: (() => void) | undefined;

  async wait(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', this.wakeUp, { once: true });
      if (signal.aborted) this.wakeUp();
    });
    if (this.wakeUp) signal.removeEventListener('abort', this.wakeUp);
    this.wakeUp = undefined;
  }

  wake(): void {
    this.wakeUp?.();
  }
}
