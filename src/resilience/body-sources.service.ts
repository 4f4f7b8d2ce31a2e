import { Injectable, Logger } from '@nestjs/common';
import { SpooledBody } from './body-source-spooled.js';
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
  /** Is told, once, when the disk takes no more of it: it can then be read as it comes, but not be kept. */
  readonly onSpoolFailure?: (error: Error) => void;
}

/** Makes the replayable body of each upload; whoever begins one disposes of it. */
@Injectable()
export class BodySources {
  private readonly logger = new Logger(BodySources.name);

  constructor(private readonly options: BodySourcesOptions) {}

  /** Begins an empty body. */
  begin({ length, expectedLength, onSpoolFailure }: BegunBody = {}): SpooledBody {
    const { memoryBytes, budget, folder } = this.options;
    return new SpooledBody({
      memoryBytes,
      budget,
      createFile: () => folder.create(expectedLength),
      onSpoolFailure: (error) => {
        this.logger.warn({ err: error }, 'an upload goes on without being replayable');
        onSpoolFailure?.(error);
      },
      length,
    });
  }
}
