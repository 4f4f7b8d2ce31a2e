import { Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { familyOfCreation, type ResumableFamily } from './http/resumable-family.js';
import { IetfAnswers } from './resumable/ietf-answers.service.js';
import { booleanField } from './resumable/structured-fields.js';
import { TUS_VERSION } from './tus/tus-headers.js';

/** Paths as they are when the version of the API is taken off. */
const UPLOADS = /^\/api\/uploads\/?(?:\?|$)/i;
const UPLOAD = /^\/api\/uploads\/[^/?]+\/?(?:\?|$)/i;
const FILE = /^\/api\/files\/[^/?]+\/?(?:\?|$)/i;

/** What `X-HTTP-Method-Override` may name, for clients that can send nothing but `POST`. */
const OVERRIDES: ReadonlySet<string> = new Set(['PATCH', 'DELETE', 'HEAD']);

/** Prepares requests to uploads that come in several, before anything can refuse them. */
@Injectable()
export class ResumableRequests {
  constructor(private readonly answers: IetfAnswers) {}

  /**
   * Middleware. Gives a request the method that it means, for the route, the guard, metrics and the log; and its answer the headers
   * of its protocol, so that a refusal by whoever comes next has them as well.
   */
  readonly prepare = (request: Request, response: Response, next: NextFunction): void => {
    if (request.method === 'POST' && UPLOAD.test(request.url)) request.method = meantMethod(request);
    const family = familyOf(request);
    if (family === 'tus') response.setHeader('Tus-Resumable', TUS_VERSION);
    else if (family === 'ietf') this.answers.greet({ request, response }, !UPLOAD.test(request.url));
    next();
  };
}

/** Another name leaves the method as it is: what a client makes up is no label. */
function meantMethod(request: Request): string {
  const named = request.get('x-http-method-override')?.toUpperCase() ?? '';
  return OVERRIDES.has(named) ? named : request.method;
}

/**
 * What is asked of an upload is of the IETF's unless it says that it is tus: which of them has created the upload is known only once
 * somebody has looked.
 */
function familyOf(request: Request): ResumableFamily | undefined {
  const { method, url, headers } = request;
  if (method === 'OPTIONS') return undefined;
  if (UPLOAD.test(url)) return headers['tus-resumable'] === undefined ? 'ietf' : 'tus';
  if (UPLOADS.test(url)) return method === 'POST' ? familyOfCreation(request) : undefined;
  const isResumableFile = method === 'PUT' && FILE.test(url);
  return isResumableFile && booleanField(request, 'upload-complete') !== undefined ? 'ietf' : undefined;
}
