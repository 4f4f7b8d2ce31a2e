import { randomInt } from 'node:crypto';
import { KillBucket } from './kill-bucket.js';
import type { KillDiary } from './kill-diary.js';
import type { KillElement } from './kill-element.js';
import { KillServer } from './kill-server.js';
import type { SentFile } from './kill-uploads.js';

const WEATHER_MS = 60;

/** Of four changes of the weather, so many bring a fault. */
const BAD_OF_FOUR = 2;

export type KillElementKind = 'http' | 's3';

/** Its id and the SHA-256 of its bytes. */
type StoredFile = readonly [id: string, sha256: string];

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

  private constructor(private readonly elements: readonly KillElement[]) {
    this.weather = setInterval(() => {
      for (const element of elements) {
        if (randomInt(4) < BAD_OF_FOUR) element.fail();
        else element.mend();
      }
    }, WEATHER_MS);
  }

  static async start(kinds: readonly KillElementKind[], diary: KillDiary): Promise<KillElements> {
    const start = (kind: KillElementKind): Promise<KillElement> =>
      kind === 's3' ? KillBucket.start(diary) : KillServer.start(diary);
    return new KillElements(await Promise.all(kinds.map(start)));
  }

  /** The value of `STORAGE_ELEMENTS`. */
  get configuration(): string {
    return JSON.stringify(
      this.elements.map(({ entry }, index) => ({ id: `se-${index}`, mode: 'edit', ...entry })),
    );
  }

  /** What uploads in parts have left, all of which are over. */
  get leftParts(): readonly string[] {
    return this.elements.flatMap((element) => element.leftParts);
  }

  /** Has what is left look as if a month had passed. */
  age(): void {
    for (const element of this.elements) element.age();
  }

  calm(): void {
    clearInterval(this.weather);
    for (const element of this.elements) element.mend();
  }

  async close(): Promise<void> {
    this.calm();
    await Promise.all(this.elements.map((element) => element.close()));
  }

  /** Compares what clients were promised with what the elements have. */
  compare(sent: readonly SentFile[]): KillReport {
    const acknowledged = sent.filter((file) => file.acknowledged);
    const holders = acknowledged.map((file) => this.holdersOf(file));
    return {
      acknowledged: acknowledged.length,
      lost: holders.filter((count) => count === 0).length,
      doubled: holders.filter((count) => count > 1).length,
      unexplained: this.unexplained(sent).length,
    };
  }

  /** How many elements have the file, whole and right, under the id of its receipt. */
  private holdersOf({ acknowledged, sha256 }: SentFile): number {
    const id = acknowledged?.uploadId ?? '';
    return this.elements.filter(({ files }) => files.get(id) === sha256).length;
  }

  /** What is known of the files that are lost, doubled or unexplained. */
  stories(sent: readonly SentFile[], diary: KillDiary): string[] {
    const bad = sent.filter((file) => file.acknowledged && this.holdersOf(file) !== 1);
    const named = bad.map(({ acknowledged, sha256 }): StoredFile => [acknowledged?.uploadId ?? '', sha256]);
    return [...named, ...this.unexplained(sent)].map(([id, sha256]) => {
      for (const element of this.elements) element.tellOf(id);
      return diary.about([id, sha256]);
    });
  }

  /**
   * A file whose answer was lost may be there once: its client does not know. Under the same id it may be at two elements, where
   * the first one's answer was lost as well, and the process was killed when the second had it: nobody was told of either.
   * Anything else that no receipt names has no right to be there.
   */
  private unexplained(sent: readonly SentFile[]): StoredFile[] {
    const known = new Set(sent.map((file) => file.acknowledged?.uploadId));
    const inDoubt = new Set(sent.filter((file) => !file.acknowledged).map(({ sha256 }) => sha256));
    const others = this.elements.flatMap(({ files }) => [...files].filter(([id]) => !known.has(id)));
    const once = new Map(others.map((file) => [file.join(' '), file]));
    return [...once.values()].filter(([, sha256]) => !inDoubt.delete(sha256));
  }
}
