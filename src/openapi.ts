import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { serviceVersion } from './observability/service-version.js';
import { SERVED_API_VERSIONS } from './versioning/api-versions.js';

/**
 * Serves the documentation at `/docs` and the OpenAPI document at `/docs/json`. The pages come from the npm
 * package, so no internet is needed. The document is made when it is first asked for, which keeps it out of the
 * time to start.
 */
export function setUpOpenApi(app: INestApplication): void {
  const description = new DocumentBuilder()
    .setTitle('Ingester')
    .setDescription('Takes files, checks them and streams them on to storage.')
    .setVersion(serviceVersion())
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT' })
    .build();
  SwaggerModule.setup('docs', app, () => withVersions(SwaggerModule.createDocument(app, description)), {
    jsonDocumentUrl: 'docs/json',
    raw: ['json'],
    customSiteTitle: 'Ingester API',
    swaggerOptions: { tryItOutEnabled: true },
  });
}

/** Controllers declare their paths without the version, which callers should name. */
function withVersions(document: OpenAPIObject): OpenAPIObject {
  const prefix = `/api/v${SERVED_API_VERSIONS.defaultVersion}/`;
  const paths = Object.entries(document.paths).map(([path, item]) => [
    path.replace(/^\/api\//, prefix),
    item,
  ]);
  return { ...document, paths: Object.fromEntries(paths) };
}
