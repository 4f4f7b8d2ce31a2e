import { randomInt } from 'node:crypto';
import { StorageElementServer, type UploadFault } from '../support/storage-element-server.js';
import type { KillDiary } from './kill-diary.js';
import type { KillElement } from './kill-element.js';

/** What an element does at times; none of it makes an element that keeps a file deny it. */
const FAULTS: readonly UploadFault[] = [
  { kind: 'answer', status: 503 },
  { kind: 'answer', status: 500 },
  { kind: 'reset', afterBytes: 2_000 },
  { kind: 'lost-answer' },
  { kind: 'half-answer' },
];

/** A storage element behind HTTP. */
export class KillServer implements KillElement {
  readonly leftParts = [];

  private constructor(
    private readonly server: StorageElementServer,
    private readonly diary: KillDiary,
  ) {}

  static async start(diary: KillDiary): Promise<KillServer> {
    return new KillServer(await StorageElementServer.start(), diary);
  }

  get entry(): object {
    return { driver: 'http', url: this.server.url };
  }

  get files(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.server.files, ([id, { sha256 }]) => [id, sha256]));
  }

  fail(): void {
    this.server.options.fault = FAULTS[randomInt(FAULTS.length)];
  }

  mend(): void {
    this.server.options.fault = undefined;
  }

  age(): void {
    // Nothing is left here.
  }

  tellOf(id: string): void {
    const { url, requests, files } = this.server;
    const asked = requests.filter(({ path }) => path.endsWith(id));
    for (const { method, path, at } of asked) this.diary.note(`${url} gets ${method} ${path}`, [id], at);
    const file = files.get(id);
    if (file) this.diary.note(`${url} has it`, [id], new Date(file.uploadedAt));
  }

  close(): Promise<void> {
    return this.server.close();
  }
}
