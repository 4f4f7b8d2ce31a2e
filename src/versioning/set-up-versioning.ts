import { type INestApplication, VersioningType } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { ApiVersionsService, type VersionChoice } from './api-versions.service.js';

/** Pages carry no version; routes are matched without regard to case, so these are as well. */
const UNVERSIONED = /^(?:https?:\/\/[^/?#]*)?\/(?:(?:health|metrics|docs|console)(?:[/?#]|$)|[?#]|$)/i;

/** What was chosen for a request, for Nest to choose the controller by. */
const choices = new WeakMap<object, VersionChoice>();

/**
 * Makes `/api/vN/…`, `Accept` and the default choose among controllers declared as
 * `@Controller({ path: 'api/…', version: 'N' })`. Nest's own ways to version cannot be combined, so a middleware
 * strips the version from `url` before routing (`originalUrl` keeps it) and the extractor gives it to Nest.
 *
 * The headers are set here, so that whatever answers carries them. A version that is not served is refused by
 * `refuseUnservedVersion`, and not by the extractor, which only runs for paths that some controller has.
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
    choices.set(request, choice);
    request.url = choice.url;
    next();
  });
}

/** Middleware that answers UNKNOWN_API_VERSION, VERSION_NOT_ACCEPTABLE or API_VERSION_SUNSET where it is due. */
export function refuseUnservedVersion(request: Request, _response: Response, next: NextFunction): void {
  next(choices.get(request)?.refusal);
}

function chosenVersion(request: unknown): string {
  return (typeof request === 'object' && request !== null && choices.get(request)?.version) || '';
}
