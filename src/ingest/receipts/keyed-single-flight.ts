/** The work of one key that is under way, and the next one where somebody waits for it. */
interface Flight<T> {
  readonly result: Promise<T>;
  next?: Promise<T>;
}

/**
 * Does `work` for a key once at a time. Callers that come while it is under way share the next run, not this one, which
 * may have looked before what they know of happened: a result is never older than the call that it is given to.
 */
export class KeyedSingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  constructor(private readonly work: (key: string) => Promise<T>) {}

  /** Keys that have work under way. */
  get size(): number {
    return this.#flights.size;
  }

  run(key: string): Promise<T> {
    const flight = this.#flights.get(key);
    if (!flight) return this.#start(key);
    const start = (): Promise<T> => this.#start(key);
    flight.next ??= flight.result.then(start, start);
    return flight.next;
  }

  #start(key: string): Promise<T> {
    const flight: Flight<T> = { result: this.work(key) };
    this.#flights.set(key, flight);
    const forget = (): void => {
      if (!flight.next) this.#flights.delete(key);
    };
    flight.result.then(forget, forget);
    return flight.result;
  }
}
