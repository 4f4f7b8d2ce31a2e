import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { BodyWriter } from './body-source.js';
import { BodyHash } from './body-hash.js';
import { FileHash } from './file-hash.js';
import { Sha256Thread } from './hash/sha256-thread.js';

/**
 * Makes the hash of each body. Large ones are hashed on one thread beside the main one, which would lose a
 * third of its throughput to it; docs/benchmarks.md has the figures. One is enough: it hashes faster than the
 * main thread moves bytes. It is started by the first large body.
 */
@Injectable()
export class BodyHashes implements OnApplicationShutdown {
  private thread: Sha256Thread | undefined;

  begin(body: BodyWriter): BodyHash {
    return new BodyHash(() => this.liveThread(), body);
  }

  /** Begins the hash of bytes that lie in files. */
  beginOfFiles(): FileHash {
    return new FileHash(() => this.liveThread());
  }

  async onApplicationShutdown(): Promise<void> {
    await this.thread?.close();
    this.thread = undefined;
  }

  /** A thread that broke has failed its own uploads; the next ones get a new one. */
  private liveThread(): Sha256Thread {
    if (!this.thread || this.thread.failed) this.thread = new Sha256Thread();
    return this.thread;
  }
}
