import { type INestApplication, VersioningType } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ApiVersionsService } from './api-versions.service.js';

/** Operators' pages carry no version; routes are matched without regard to case, so these are as well. */
const UNVERSIONED = /^(?:https?:\/\/[^/?#]*)?\/(?:health|metrics|docs)(?:[/?#]|$)/i;

/** The version that a request was given, for Nest to choose the controller by. */
const chosenVersions = new WeakMap<object, string>();

/**
 * Makes `/api/vN/…`, `Accept` and the default choose among controllers declared as
 * `@Controller({ path: 'api/…', version: 'N' })`. Nest's own ways to version cannot be combined, so a middleware
 * strips the version from `url` before routing (`originalUrl` keeps it) and the extractor gives it to Nest.
 *
 * A version that is not served is refused here and not by the extractor, which only runs for paths that some
 * controller has. The headers are set here as well, so that 401, 404, 406 and 410 carry them.
 */
export function setUpVersioning(app: INestApplication): void {
  const versions = app.get(ApiVersionsService);
  app.enableVersioning({ type: VersioningType.CUSTOM, extractor: chosenVersion });
  app.use((request: Request, response: Response, next: NextFunction) => {
    if (UNVERSIONED.test(request.url)) {
      next();
      return;
    }
    const choice = versions.choose(request.url, request.headers.accept);
    response.vary('Accept');
    for (const [name, value] of choice.headers) response.setHeader(name, value);
    chosenVersions.set(request, choice.version);
    request.url = choice.url;
    next(choice.refusal);
  });
}

function chosenVersion(request: unknown): string {
  return (typeof request === 'object' && request !== null && chosenVersions.get(request)) || '';
}
