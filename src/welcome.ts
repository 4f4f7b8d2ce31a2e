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
      ...pageLines(environment, port),
      'Another token: npm run -s token -- --sub alice --role user',
      ...(servesDocs(environment) ? [`Try it in a browser: http://localhost:${docsPort}/docs`] : []),
      '',
      '',
    ].join('\n'),
  );
}

/** The pages that are served. The token above is that of a user; the console is for admins. */
function pageLines({ UPLOAD_PAGE_ENABLED, CONSOLE_ENABLED }: Environment, port: number): readonly string[] {
  const lines = [
    ...((UPLOAD_PAGE_ENABLED ?? true) ? [`Upload page: http://localhost:${port}/`] : []),
    ...((CONSOLE_ENABLED ?? true)
      ? [`Console: http://localhost:${port}/console (its token: npm run -s token -- --sub olga --role admin)`]
      : []),
  ];
  return lines.length === 0 ? [] : [...lines, ''];
}
