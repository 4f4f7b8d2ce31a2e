import { Global, Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { BodySources } from './body-sources.service.js';
import { BodyHashes } from './body-hashes.service.js';
import { MemoryBudget } from './memory-budget.js';
import { MinorGc } from './minor-gc.js';
import { SpoolFolder } from './spool-folder.service.js';
import { spoolPath } from './spool-path.js';

type Config = ConfigService<Environment, true>;

/** Bytes that can be sent again, and their hash, for every room that takes or sends some. */
@Global()
@Module({
  providers: [
    BodyHashes,
    { provide: SpoolFolder, inject: [ConfigService], useFactory: spoolFolder },
    { provide: MinorGc, useFactory: () => new MinorGc() },
    { provide: BodySources, inject: [ConfigService, SpoolFolder, MinorGc], useFactory: bodySources },
  ],
  exports: [BodySources, BodyHashes, MinorGc, SpoolFolder],
})
export class BodyModule {}

function spoolFolder(config: Config): SpoolFolder {
  return new SpoolFolder({
    path: spoolPath(config),
    limitBytes: config.get('SPOOL_MAX_BYTES', { infer: true }),
    spareBytes: config.get('SPOOL_SPARE_BYTES', { infer: true }),
  });
}

function bodySources(config: Config, folder: SpoolFolder, minorGc: MinorGc): BodySources {
  return new BodySources({
    memoryBytes: config.get('BODY_MEMORY_BYTES', { infer: true }),
    budget: new MemoryBudget(config.get('BODY_MEMORY_TOTAL_BYTES', { infer: true }), (bytes) =>
      minorGc.freed(bytes),
    ),
    folder,
  });
}
