import { createHash } from 'node:crypto';
import { PassThrough, type Readable } from 'node:stream';
import { MemoryBudget } from '../../src/body/memory-budget.js';
import { SpoolFolder } from '../../src/body/spool-folder.service.js';
import { SpooledBody } from '../../src/body/spooled/spooled-body.js';
import type { ContentDigest, FileBody } from '../../src/storage/storage-element.js';
import type { BodyInHand, FileBodies } from './file-bodies.js';

/** So small that every body of more than a byte goes to the spool. */
const MEMORY_BYTES = 1;

/** Bodies in a spool, that a driver is to link: none of them can be read as a stream, unless they are `readable`. */
export class LinkableBodies implements FileBodies {
  readonly #folder: SpoolFolder;
  readonly #bodies: SpooledBody[] = [];

  constructor(
    path: string,
    private readonly readable = false,
  ) {
    this.#folder = new SpoolFolder({ path, limitBytes: 0 });
  }

  of(source: Readable, length?: number): FileBody {
    return this.#read(source, this.#begin(length));
  }

  inHand(length?: number): BodyInHand & { readonly spooled: SpooledBody } {
    const source = new PassThrough();
    const spooled = this.#begin(length);
    const body = this.#read(source, spooled);
    return { source, body, spooled, fail: (error) => spooled.fail(error) };
  }

  /** Frees all that was begun. */
  async dispose(): Promise<void> {
    await Promise.all(this.#bodies.map((body) => body.dispose()));
  }

  #begin(length?: number): SpooledBody {
    const body = new SpooledBody({
      memoryBytes: MEMORY_BYTES,
      budget: new MemoryBudget(1e9),
      createFile: () => this.#folder.create(),
      length,
    });
    this.#bodies.push(body);
    return body;
  }

  #read(source: Readable, spooled: SpooledBody): FileBody {
    let digest: ContentDigest | undefined;
    const onWhole = (whole: ContentDigest): void => {
      digest = whole;
    };
    fill(spooled, source, onWhole).catch((error: Error) => spooled.fail(error));
    const { readable } = this;
    return {
      takeWhole: () => undefined,
      get stream() {
        if (!readable) throw new Error('It was to be linked');
        return spooled.open(0, new AbortController().signal).pause();
      },
      length: spooled.length,
      linkTo: (path, signal) => spooled.linkTo(path, signal),
      digest() {
        if (!digest) throw new Error('It has not ended');
        return digest;
      },
    };
  }
}

async function fill(
  body: SpooledBody,
  source: Readable,
  onWhole: (digest: ContentDigest) => void,
): Promise<void> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    size += chunk.length;
    hash.update(chunk);
    body.write(chunk);
    await body.whenWritable;
  }
  onWhole({ size, sha256: hash.digest('hex') });
  body.end();
}
