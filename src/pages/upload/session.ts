/** The token, which stays in the memory of this page, and who waits for another one. */
export class Session {
  private current = '';
  private readonly listeners: (() => void)[] = [];

  get token(): string {
    return this.current;
  }

  set token(token: string) {
    this.current = token;
    this.tell();
  }

  /** The service does not take a token any more; another one may be here already. */
  expire(token: string): void {
    if (token === this.current) this.current = '';
    this.tell();
  }

  /** Calls it with each change. */
  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}
