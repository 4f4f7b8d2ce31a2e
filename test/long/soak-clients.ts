import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { RawClient } from '../support/raw-client.js';

/** Bytes of the files: in one write, in memory, and in the spool. */
const SIZES = [10, 10_000, 300_000, 3_000_000];
const LARGEST = randomBytes(3_000_000);
const PAUSE_MS = 10;
/** Ids of files that clients ask for; older ones are forgotten. */
const KNOWN = 1_000;
const PATH = '/api/v1/files';

type Deed = () => Promise<number | string>;

/** Clients of all kinds, good and bad, that do one thing after the other until they are stopped. */
export class SoakClients {
  /** How often each kind of deed ended with which status, or without an answer. */
  readonly outcomes = new Map<string, number>();
  private readonly known: string[] = [];
  private readonly running: Promise<void>[];
  private stopped = false;

  constructor(
    private readonly port: number,
    private readonly token: string,
    count: number,
  ) {
    this.running = Array.from({ length: count }, () => this.work());
  }

  /** Resolves when what is under way is over. @throws what a deed threw that may not */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  private async work(): Promise<void> {
    const deeds: readonly [string, Deed][] = [
      ['form', () => this.form()],
      ['put', () => this.put()],
      ['put for later', () => this.putForLater()],
      ['aborted', () => this.aborted()],
      ['cut', () => this.cut()],
      ['receipt', () => this.receipt(this.known[randomInt(KNOWN)] ?? randomUUID())],
      ['events', () => this.events()],
    ];
    while (!this.stopped) {
      const [kind, deed] = deeds[randomInt(deeds.length)] ?? ['', () => Promise.resolve('')];
      const outcome = `${kind} ${await deed()}`;
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
      await sleep(PAUSE_MS);
    }
  }

  private async form(): Promise<number> {
    const body = new FormData();
    body.append('description', 'soak');
    body.append('file', new Blob([someBytes()]), 'a.bin');
    return this.sent(`${PATH}/upload`, { method: 'POST', body });
  }

  private put(headers: Record<string, string> = {}): Promise<number> {
    return this.sent(`${PATH}/${randomUUID()}`, { method: 'PUT', body: someBytes(), headers });
  }

  private putForLater(): Promise<number> {
    return this.put({ Prefer: 'respond-async' });
  }

  /** Leaves in the middle of the file, with a reset. */
  private async aborted(): Promise<string> {
    const client = await this.begun(1_000_000);
    await sleep(randomInt(50));
    client.reset();
    await client.untilClosed();
    return 'left';
  }

  /** Ends its side of the connection in the middle of the file. */
  private async cut(): Promise<number | string> {
    const client = await this.begun(randomInt(200_000));
    client.socket.end();
    const status = await client.response().then(
      (answer) => answer.status,
      () => 'not answered',
    );
    client.close();
    return status;
  }

  private async begun(sent: number): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    return client
      .head(`PUT ${PATH}/${randomUUID()}`, {
        Authorization: `Bearer ${this.token}`,
        'Content-Type': 'application/octet-stream',
        'Content-Length': LARGEST.length,
      })
      .send(LARGEST.subarray(0, sent));
  }

  private async receipt(id: string): Promise<number> {
    const answer = await this.call(`${PATH}/${id}`);
    await answer.arrayBuffer();
    return answer.status;
  }

  /** Watches one of the last files to its end, or for a moment. */
  private async events(): Promise<number> {
    const id = this.known.at(-1) ?? randomUUID();
    const answer = await this.call(`${PATH}/${id}/events`);
    const patience = setTimeout(() => void answer.body?.cancel().catch(() => undefined), randomInt(1_000));
    await answer.text().catch(() => '');
    clearTimeout(patience);
    return answer.status;
  }

  private async sent(path: string, init: RequestInit): Promise<number> {
    const answer = await this.call(path, init);
    const receipt: unknown = await answer.json();
    if (typeof receipt === 'object' && receipt !== null && 'upload_id' in receipt)
      this.known.push(String(receipt.upload_id));
    if (this.known.length > KNOWN) this.known.shift();
    return answer.status;
  }

  private call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${this.token}`);
    return fetch(`http://127.0.0.1:${this.port}${path}`, { ...init, headers });
  }
}

function someBytes(): Uint8Array<ArrayBuffer> {
  const size = SIZES[randomInt(SIZES.length)] ?? 1;
  const bytes = new Uint8Array(LARGEST.subarray(0, size));
  bytes.set(randomBytes(10));
  return bytes;
}
