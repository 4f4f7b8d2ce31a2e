import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import type { Environment } from './config/environment.js';
import { ProblemBody, problemContent } from './errors/problem.openapi.js';
import { jsonPage, type Page, sendPage } from './observability/page.js';
import { serviceVersion } from './observability/service-version.js';
import { SERVED_API_VERSIONS } from './versioning/api-versions.js';

type Headers = Record<string, { description: string; schema: { type: string } }>;

const EVERYWHERE: Headers = {
  'X-Request-ID': {
    description: 'As the client sent it, or a new one; log lines have it.',
    schema: { type: 'string' },
  },
};
const VERSIONED: Headers = {
  ...EVERYWHERE,
  'X-API-Version': { description: 'The version that answers.', schema: { type: 'string' } },
  'X-API-Current-Version': { description: 'The newest version.', schema: { type: 'string' } },
};

/** In production the documentation is there only where it is asked for. */
export function servesDocs({
  DOCS_ENABLED,
  NODE_ENV,
}: Pick<Environment, 'DOCS_ENABLED' | 'NODE_ENV'>): boolean {
  return DOCS_ENABLED ?? NODE_ENV !== 'production';
}

/**
 * Serves the documentation at `/docs` and the OpenAPI document at `/docs/json`. The pages come from the npm
 * package, so no internet is needed. The document is made when it is first asked for, which keeps it out of the
 * time to start. `publicUrl` is where the page sends what is tried; without it, to where the page itself is from.
 */
export function setUpOpenApi(app: INestApplication, publicUrl?: string): void {
  const builder = new DocumentBuilder()
    .setTitle('Ingester')
    .setDescription('Takes files, checks them and streams them on to storage.')
    .setVersion(serviceVersion())
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' });
  const description = (publicUrl === undefined ? builder : builder.addServer(publicUrl)).build();
  const options = { extraModels: [ProblemBody] };
  let document: OpenAPIObject | undefined;
  const documentOnce = (): OpenAPIObject =>
    (document ??= completed(SwaggerModule.createDocument(app, description, options)));
  app.use('/docs', headersOfPage(publicUrl));
  serveDocument(app, documentOnce);
  SwaggerModule.setup('docs', app, documentOnce, {
    raw: false,
    customSiteTitle: 'Ingester API',
    swaggerOptions: { tryItOutEnabled: true },
  });
}

/** The document is the same for everybody, so who asks for it shares its bytes. */
function serveDocument(app: INestApplication, document: () => OpenAPIObject): void {
  let page: Page | undefined;
  app.getHttpAdapter().get('/docs/json', (_request: Request, response: Response) => {
    page ??= jsonPage(document());
    sendPage(page, response);
  });
}

type Middleware = (request: Request, response: Response, next: NextFunction) => void;

/**
 * What a page may do that asks people for tokens: run our own scripts, call us, and be framed by nobody. Swagger UI has
 * styles in its page and in its elements, and images as `data:` and, of answers, as `blob:`.
 */
function headersOfPage(publicUrl: string | undefined): Middleware {
  const called = publicUrl === undefined ? '' : ` ${new URL(publicUrl).origin}`;
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    `connect-src 'self'${called}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return (_request, response, next) => {
    response.set({
      'Content-Security-Policy': policy,
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
    });
    next();
  };
}

/**
 * Adds what is the same everywhere: the version in paths, which controllers declare without it and callers should name;
 * the problem that any route may answer; the headers of all answers.
 */
function completed(document: OpenAPIObject): OpenAPIObject {
  const prefix = `/api/v${SERVED_API_VERSIONS.defaultVersion}/`;
  const paths = Object.entries(document.paths).map(([path, item]) => {
    const headers = path.startsWith('/api/') ? VERSIONED : EVERYWHERE;
    const operations = Object.entries(item).map(([method, operation]) => [
      method,
      isOperation(operation)
        ? { ...operation, responses: completedResponses(operation, headers) }
        : operation,
    ]);
    return [path.replace(/^\/api\//, prefix), Object.fromEntries(operations)];
  });
  return { ...document, paths: Object.fromEntries(paths) };
}

function completedResponses({ responses }: Operation, headers: Headers): object {
  const other = { description: 'Any other problem (RFC 9457).', content: problemContent(), headers: {} };
  const described = Object.entries({ ...responses, default: other }).map(([status, response]) => [
    status,
    { ...response, headers: { ...headers, ...('headers' in response ? response.headers : {}) } },
  ]);
  return Object.fromEntries(described);
}

type Operation = Pick<NonNullable<OpenAPIObject['paths'][string]['get']>, 'responses'>;

function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && 'responses' in value;
}
