import type { Server } from 'node:http';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { AppModule } from './app.module.js';
import type { Environment } from './config/environment.js';
import { setUpCors } from './cors.js';
import { refuseProtocolFailure } from './errors/protocol-failure.js';
import { HttpServerAdapter } from './connections/http-server.adapter.js';
import { keepPortsApart } from './connections/management-port.js';
import { ResumableRequests } from './protocols/resumable-requests.service.js';
import { uploadSpans } from './protocols/upload-spans.js';
import { Metrics } from './observability/metrics.service.js';
import { setUpObservability } from './observability/set-up-observability.js';
import { Tracing } from './observability/tracing.js';
import { servesDocs, setUpOpenApi } from './openapi.js';
import { refuseUnservedVersion, setUpVersioning } from './versioning/set-up-versioning.js';

/** Builds the whole service, ready to listen. The order of the middleware is written here and nowhere else. */
export async function createApp(environment: Environment): Promise<NestExpressApplication> {
  const adapter = new HttpServerAdapter(environment);
  const app = await NestFactory.create<NestExpressApplication>(
    AppModule.forRoot(environment),
    adapter,
    // A failure is thrown, and logged by who starts the service.
    { bodyParser: false, bufferLogs: true, autoFlushLogs: false, abortOnError: false },
  );
  // An ETag would be a hash of every receipt, and nobody asks for a receipt twice by its validator.
  app.disable('x-powered-by').disable('etag');
  // `request.ip` goes by it, and the URLs of resumable uploads where there is no `PUBLIC_URL`.
  app.set('trust proxy', environment.TRUSTED_PROXIES);
  setUpObservability(app);
  adapter.measure(app.get(Metrics).registry);
  app.use(declareNoPage);
  setUpVersioning(app);
  setUpCors(app, environment.CORS_ORIGINS);
  app.use(app.get(ResumableRequests).prepare);
  const tracing = app.get(Tracing);
  if (tracing.isOn) app.use(uploadSpans(tracing, environment.TRACEPARENT_DECIDES_SAMPLING));
  // After all that sets headers, so that refusals carry them as well.
  app.use(refuseProtocolFailure, refuseUnservedVersion);
  if (environment.MANAGEMENT_PORT !== undefined) app.use(keepPortsApart);
  if (servesDocs(environment)) setUpOpenApi(app, environment.PUBLIC_URL);
  return app;
}

/** The port that a listening server has, also where it was told to take a free one. */
export function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** No answer is anything but what its type says, and none is a page, but for `/docs`, which says more of itself. */
function declareNoPage(_request: Request, response: Response, next: NextFunction): void {
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
  next();
}
