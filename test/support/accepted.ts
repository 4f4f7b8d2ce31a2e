import { createHash, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AcceptedFiles } from '../../src/delivery/spool/accepted-files.service.js';
import type { AcceptedFile } from '../../src/delivery/spool/accepted-file.js';
import type { DurableBody } from '../../src/body/body-source.js';
import { SpooledBody } from '../../src/body/spooled/spooled-body.js';
import type { Clock } from '../../src/timing/clock.js';
import { MemoryBudget } from '../../src/body/memory-budget.js';
import { notKept } from '../../src/body/spool-failure.js';
import { SpoolFolder } from '../../src/body/spool-folder.service.js';
import type { ContentDigest } from '../../src/storage/storage-element.js';
import { writeAll } from './spooled-bodies.js';

/** The one in which the files of a `TestSpool` are promised. */
export const DATABASE_ID: string = randomUUID();

const MEMORY_BYTES = 64 * 1024;

/** Size and SHA-256, computed apart from the service. */
export function digestOf(bytes: Buffer): ContentDigest {
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A spool of its own, with what is made on it by one process, and, as `files` anew, by others. */
export class TestSpool {
  readonly folder: SpoolFolder;
  readonly files: AcceptedFiles;
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
    return new AcceptedFiles(this.path, clock);
  }

  /** Keeps a file as an upload does, and gives its name. */
  async accept(bytes: Buffer, uploadId?: string): Promise<string> {
    return (await this.keep(bytes, uploadId)).name;
  }

  keep(
    bytes: Buffer,
    uploadId: string = randomUUID(),
    databaseId: string = DATABASE_ID,
  ): Promise<AcceptedFile> {
    return this.withBody(bytes, (body) =>
      this.files.keep(body, { uploadId, databaseId, bytes: bytes.length }),
    );
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

  pathOf(name: string): string {
    return join(this.path, 'accepted', name);
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}
