import { usesDevelopmentKeys } from './auth/development-keys.js';
import { developmentToken } from './auth/development-token.js';
import type { Environment } from './config/environment.js';
import { servesDocs } from './openapi.js';
import { standardOutput } from './observability/standard-output.js';

/** In development, without keys of your own: prints an upload that is ready to paste. */
export async function printWelcome(
  environment: Environment,
  { port, docsPort }: { readonly port: number; readonly docsPort: number },
): Promise<void> {
  if (environment.NODE_ENV !== 'development' || !usesDevelopmentKeys(environment)) return;
  const token = await developmentToken(environment);
  standardOutput().write(
    [
      '',
      'Upload a file:',
      '',
      `curl -H 'Authorization: Bearer ${token}' \\`,
      `  -F description=hello -F file=@README.md http://localhost:${port}/api/v1/files/upload`,
      '',
      'Another token: npm run -s token -- --sub alice --role user',
      ...(servesDocs(environment) ? [`Try it in a browser: http://localhost:${docsPort}/docs`] : []),
      '',
      '',
    ].join('\n'),
  );
}
