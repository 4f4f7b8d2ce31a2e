import { availableParallelism } from 'node:os';
import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { ThreadedContentHash } from './hash/content-hash-threaded.js';
import { type ContentHash, InlineContentHash } from './content-hash.js';
import { Sha256Thread } from './hash/sha256-thread.js';

/** A smaller file is hashed in less time than it takes to ask another thread. */
const MAX_INLINE_BYTES = 256 * 1024;

/**
 * Makes the hash of each upload. Large files are hashed on one thread beside the main one, which would lose a
 * third of its throughput to it; docs/benchmarks.md has the figures. One is enough: it hashes faster than the
 * main thread moves bytes. It is started by the first large file.
 */
@Injectable()
export class ContentHashService implements OnApplicationShutdown {
  private readonly threaded = availableParallelism() > 1;
  private thread: Sha256Thread | undefined;

  /** Begins the SHA-256 of a file of at most `expectedBytes`; undefined where nobody knows how large it gets. */
  start(expectedBytes?: number): ContentHash {
    const small = expectedBytes !== undefined && expectedBytes <= MAX_INLINE_BYTES;
    return small || !this.threaded ? new InlineContentHash() : new ThreadedContentHash(this.liveThread());
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
