import { Injectable, Logger } from '@nestjs/common';
import type { SpoolObserver } from './body-source.js';
import { BufferBody } from './buffer-body.js';
import { CollectedBytes } from './collected-bytes.js';
import { SpooledBody } from './spooled/spooled-body.js';
import type { MemoryBudget } from './memory-budget.js';
import type { SpoolFolder } from './spool-folder.service.js';

export interface BodySourcesOptions {
  /** Memory of one body; a larger one goes to the spool. */
  readonly memoryBytes: number;
  /** Memory of all bodies. */
  readonly budget: MemoryBudget;
  readonly folder: SpoolFolder;
}

/** What is known of a body before its first byte. */
export interface BegunBody {
  /** Bytes that the client declared. */
  readonly length?: number;
  /** Bytes that are about to come, more or less, also where the client declared no length. */
  readonly expectedLength?: number;
  readonly observer?: SpoolObserver;
}

/** Makes the replayable body of each upload; whoever begins one disposes of it. */
@Injectable()
export class BodySources {
  private readonly logger = new Logger(BodySources.name);

  constructor(private readonly options: BodySourcesOptions) {}

  /** Memory of all bodies: what others hold of theirs counts as well. */
  get memory(): MemoryBudget {
    return this.options.budget;
  }

  /** Collects a body of up to `maxBytes`, until it is known whether it is larger; whoever begins that releases it. */
  collect(maxBytes: number, expectedBytes?: number): CollectedBytes {
    return new CollectedBytes(this.options.budget, maxBytes, expectedBytes);
  }

  /** A body of what was collected, which is the body's from now on. */
  hold(collected: CollectedBytes): BufferBody {
    const { budget, folder } = this.options;
    const { length } = collected.bytes;
    return new BufferBody(collected, { budget, createFile: () => folder.create(length) });
  }

  /** Begins an empty body. */
  begin({ length, expectedLength, observer }: BegunBody = {}): SpooledBody {
    const { memoryBytes, budget, folder } = this.options;
    return new SpooledBody({
      memoryBytes,
      budget,
      createFile: () => folder.create(expectedLength),
      observer: {
        spooled: (file, bytes) => observer?.spooled(file, bytes),
        spoolFailed: (error) => {
          this.logger.warn({ err: error }, 'an upload goes on without being replayable');
          observer?.spoolFailed(error);
        },
      },
      length,
      expectedLength,
    });
  }
}
