import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { replaceFile } from '../body/durable-file.js';
import { readForced, writtenForced } from './circuit/forced-circuits-file.js';
import { isMissing } from '../body/spool-failure.js';

/**
 * Keeps what operators ordered over a restart: circuits that are open by hand are saved with each change, and restored
 * at the start, once every room has made its circuits. A file that cannot be used stops nothing: it is logged, and
 * replaced with the next change. Processes that share a `DATA_DIR` share the file as well; the last order wins.
 */
@Injectable()
export class ForcedCircuits implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(ForcedCircuits.name);
  private readonly path: string;
  /** What the file holds, as far as we know. */
  private onDisk = writtenForced({});
  private saving = Promise.resolve();

  constructor(
    config: ConfigService<Environment, true>,
    private readonly circuits: CircuitBreakers,
  ) {
    this.path = join(config.get('DATA_DIR', { infer: true }), 'forced-circuits.json');
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.restore();
    // Only now: what changed before must not take the place of what was saved.
    this.circuits.onTransition(() => {
      this.saving = this.saving.then(() => this.save());
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.saved();
  }

  /** Resolves when what was ordered until now is on the disk, or it was logged why it is not. */
  saved(): Promise<void> {
    return this.saving;
  }

  private async restore(): Promise<void> {
    try {
      const text = await readFile(this.path, 'utf8');
      this.circuits.restoreForced(readForced(text));
      this.onDisk = text;
    } catch (error) {
      if (isMissing(error)) return;
      this.logger.warn({ err: error }, 'circuits that were open by hand are not known any more');
    }
  }

  /** Most changes are those of calls, which leave the text as it is. */
  private async save(): Promise<void> {
    const text = writtenForced(this.circuits.forced());
    if (text === this.onDisk) return;
    try {
      await replaceFile(this.path, text);
      this.onDisk = text;
    } catch (error) {
      this.logger.error({ err: error }, 'circuits that are open by hand could not be saved');
    }
  }
}
