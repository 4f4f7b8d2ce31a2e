import { randomInt } from 'node:crypto';
import { StorageElementServer, type UploadFault } from '../support/storage-element-server.js';
import type { KillDiary } from './kill-diary.js';
import type { SentFile } from './kill-uploads.js';

const ELEMENTS = 3;
const WEATHER_MS = 60;

/** What an element does at times; none of it makes an element that keeps a file deny it. */
const FAULTS: readonly UploadFault[] = [
  { kind: 'answer', status: 503 },
  { kind: 'answer', status: 500 },
  { kind: 'reset', afterBytes: 2_000 },
  { kind: 'lost-answer' },
  { kind: 'half-answer' },
];

/** Of four changes of the weather, so many bring a fault. */
const BAD_OF_FOUR = 2;

export interface KillReport {
  readonly acknowledged: number;
  readonly lost: number;
  readonly doubled: number;
  /** On an element although no client sent it, or more often than it was sent. */
  readonly unexplained: number;
}

/** Storage elements that fail at random until `calm` is called. */
export class KillElements {
  private readonly weather: NodeJS.Timeout;

  private constructor(private readonly servers: readonly StorageElementServer[]) {
    this.weather = setInterval(() => {
      for (const { options } of servers) {
        const isBad = randomInt(4) < BAD_OF_FOUR;
        options.fault = isBad ? FAULTS[randomInt(FAULTS.length)] : undefined;
      }
    }, WEATHER_MS);
  }

  static async start(): Promise<KillElements> {
    return new KillElements(
      await Promise.all(Array.from({ length: ELEMENTS }, () => StorageElementServer.start())),
    );
  }

  /** The value of `STORAGE_ELEMENTS`. */
  get configuration(): string {
    return JSON.stringify(
      this.servers.map(({ url }, index) => ({ id: `se-${index}`, driver: 'http', url, mode: 'edit' })),
    );
  }

  calm(): void {
    clearInterval(this.weather);
    for (const { options } of this.servers) options.fault = undefined;
  }

  async close(): Promise<void> {
    this.calm();
    await Promise.all(this.servers.map((server) => server.close()));
  }

  /** Compares what clients were promised with what the elements have. */
  compare(sent: readonly SentFile[]): KillReport {
    const acknowledged = sent.filter((file) => file.acknowledged);
    const holders = acknowledged.map((file) => this.holdersOf(file));
    return {
      acknowledged: acknowledged.length,
      lost: holders.filter((count) => count === 0).length,
      doubled: holders.filter((count) => count > 1).length,
      unexplained: this.unexplained(sent),
    };
  }

  /** How many elements have the file, whole and right, under the id of its receipt. */
  private holdersOf({ acknowledged, sha256 }: SentFile): number {
    const id = acknowledged?.uploadId ?? '';
    return this.servers.filter(({ files }) => files.get(id)?.sha256 === sha256).length;
  }

  /** What is known of the files that are lost or doubled. */
  stories(sent: readonly SentFile[], diary: KillDiary): string[] {
    const bad = sent.filter((file) => file.acknowledged && this.holdersOf(file) !== 1);
    return bad.map((file) => this.story(file, diary));
  }

  private story({ acknowledged, sha256 }: SentFile, diary: KillDiary): string {
    const id = acknowledged?.uploadId ?? '';
    for (const { files, requests, url } of this.servers) {
      const asked = requests.filter(({ path }) => path.endsWith(id));
      for (const { method, path, at } of asked) diary.note(`${url} gets ${method} ${path}`, [id], at);
      const file = files.get(id);
      if (file) diary.note(`${url} has it`, [id], new Date(file.uploadedAt));
    }
    return diary.about([id, sha256]);
  }

  /**
   * A file whose answer was lost may be there once: its client does not know. Anything else that no receipt names has
   * no right to be there.
   */
  private unexplained(sent: readonly SentFile[]): number {
    const known = new Set(sent.map((file) => file.acknowledged?.uploadId));
    const inDoubt = new Set(sent.filter((file) => !file.acknowledged).map(({ sha256 }) => sha256));
    const others = this.servers.flatMap(({ files }) =>
      [...files.values()].filter(({ fileId }) => !known.has(fileId)),
    );
    return others.filter(({ sha256 }) => !inDoubt.delete(sha256)).length;
  }
}
