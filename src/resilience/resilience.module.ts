import { Global, Module } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { DiscoveryModule } from '@nestjs/core';
import type { Environment } from '../config/environment.js';
import { BodySources } from './body-sources.service.js';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { CLOCK, systemClock } from './clock.js';
import { ForcedCircuits } from './forced-circuits.service.js';
import { MemoryBudget } from './memory-budget.js';
import { OutboundPolicies } from './outbound-policies.service.js';
import { OutboundWiring } from './outbound-wiring.service.js';
import { SpoolFolder } from './spool-folder.service.js';
import { spoolPath } from './spool-path.js';
import { YoungCollection } from './young-collection.js';

type Config = ConfigService<Environment, true>;

/** How we call others, for every room that does. */
@Global()
@Module({
  imports: [DiscoveryModule],
  providers: [
    { provide: CLOCK, useValue: systemClock },
    CircuitBreakers,
    ForcedCircuits,
    OutboundPolicies,
    OutboundWiring,
    { provide: SpoolFolder, inject: [ConfigService], useFactory: spoolFolder },
    { provide: YoungCollection, useFactory: () => new YoungCollection() },
    { provide: BodySources, inject: [ConfigService, SpoolFolder, YoungCollection], useFactory: bodySources },
  ],
  exports: [
    CLOCK,
    CircuitBreakers,
    ForcedCircuits,
    OutboundPolicies,
    BodySources,
    SpoolFolder,
    YoungCollection,
  ],
})
export class ResilienceModule {}

function spoolFolder(config: Config): SpoolFolder {
  return new SpoolFolder({
    path: spoolPath(config),
    limitBytes: config.get('SPOOL_MAX_BYTES', { infer: true }),
    spareBytes: config.get('SPOOL_SPARE_BYTES', { infer: true }),
  });
}

function bodySources(config: Config, folder: SpoolFolder, young: YoungCollection): BodySources {
  return new BodySources({
    memoryBytes: config.get('BODY_MEMORY_BYTES', { infer: true }),
    budget: new MemoryBudget(config.get('BODY_MEMORY_TOTAL_BYTES', { infer: true }), (bytes) =>
      young.freed(bytes),
    ),
    folder,
  });
}
