import { Module } from '@nestjs/common';
import { API_VERSION_TABLE, SERVED_API_VERSIONS } from './api-versions.js';
import { ApiVersionsService, VERSIONING_CLOCK } from './api-versions.service.js';

@Module({
  providers: [
    { provide: API_VERSION_TABLE, useValue: SERVED_API_VERSIONS },
    { provide: VERSIONING_CLOCK, useValue: () => Date.now() },
    ApiVersionsService,
  ],
  exports: [ApiVersionsService],
})
export class VersioningModule {}
