import { Injectable } from '@nestjs/common';
import type { OnApplicationShutdown } from '@nestjs/common';
import { type ContentHash, InlineContentHash } from './content-hash.js';

/** Makes the hash of each upload, and closes what they share when the service stops. */
@Injectable()
export class ContentHashService implements OnApplicationShutdown {
  /** Begins the SHA-256 of one file. */
  start(): ContentHash {
    return new InlineContentHash();
  }

  async onApplicationShutdown(): Promise<void> {
    // Inline hashes share nothing.
  }
}
