import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AcceptedFiles, type KeptFile } from '../../src/delivery/spool/accepted-files.service.js';
import type { DurableBody } from '../../src/resilience/body-source.js';
import { SpooledBody } from '../../src/resilience/body-source-spooled.js';
import type { Clock } from '../../src/resilience/clock.js';
import { MemoryBudget } from '../../src/resilience/memory-budget.js';
import { notKept } from '../../src/resilience/spool-failure.js';
import { SpoolFolder } from '../../src/resilience/spool-folder.service.js';
import type { ContentDigest } from '../../src/storage/storage-element.js';
import { writeAll } from './spooled-bodies.js';

const MEMORY_BYTES = 64 * 1024;

/** Size and SHA-256, computed apart from the service. */
export function digestOf(bytes: Buffer): ContentDigest {
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A spool of its own, with what is made on it by one process, and, as `files` anew, by others. */
export class TestSpool {
  readonly folder: SpoolFolder;
  readonly files: AcceptedFiles;
  /** Ids of the uploads that are promised. */
  readonly needed = new Set<string>();
  private readonly budget = new MemoryBudget(1e9);

  private constructor(
    readonly path: string,
    clock?: Clock,
  ) {
    this.folder = new SpoolFolder({ path, limitBytes: 0 });
    this.files = this.filesOf(clock);
  }

  static async make(clock?: Clock): Promise<TestSpool> {
    return new TestSpool(await mkdtemp(join(tmpdir(), 'accepted-')), clock);
  }

  /** On a folder that is there. */
  static at(path: string): TestSpool {
    return new TestSpool(path);
  }

  /** What another process has of the folder. */
  filesOf(clock?: Clock): AcceptedFiles {
    return new AcceptedFiles(this.path, (uploadId) => Promise.resolve(this.needed.has(uploadId)), clock);
  }

  /** Accepts a file as an upload does, and gives its id. */
  async accept(bytes: Buffer, uploadId?: string): Promise<string> {
    return (await this.keep(bytes, uploadId)).uploadId;
  }

  keep(bytes: Buffer, uploadId: string = randomUUID()): Promise<KeptFile> {
    return this.withBody(bytes, (body) => this.files.keep(body, uploadId));
  }

  /** Does something with a body that has come as a whole. */
  async withBody<T>(bytes: Buffer, use: (body: DurableBody) => Promise<T>): Promise<T> {
    const body = this.begin();
    try {
      const chunks = Math.ceil(bytes.length / 65_536);
      await writeAll(
        body,
        Array.from({ length: chunks }, (_, index) => bytes.subarray(index * 65_536, (index + 1) * 65_536)),
      );
      body.end();
      return await use(body);
    } finally {
      await body.dispose();
    }
  }

  /** Fails when the disk takes no more: nobody else would read it. */
  private begin(): SpooledBody {
    const body: SpooledBody = new SpooledBody({
      memoryBytes: MEMORY_BYTES,
      budget: this.budget,
      createFile: () => this.folder.create(),
      observer: { spooled: () => undefined, spoolFailed: (error) => body.fail(notKept(error)) },
    });
    return body;
  }

  pathOf(uploadId: string): string {
    return join(this.path, 'accepted', `${uploadId}.upload`);
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}
