import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { parseEnvironment } from './parse-environment.js';
import { createApp, portOf } from '../../src/create-app.js';
import { listenForManagement } from '../../src/connections/management-port.js';
import { createTestKeys, type TestKeys } from './tokens.js';

/** The whole service in this process, on a free port, with a data folder of its own, and the key pair of the spec file. */
export interface RunningApp {
  readonly app: NestExpressApplication;
  readonly url: string;
  readonly port: number;
  /** Only where the variables ask for it. */
  readonly managementPort?: number;
  readonly dataDir: string;
  readonly keys: TestKeys;
  /** A valid token; by default of a user who may upload. */
  token(claims?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
}

let keyPair: Promise<TestKeys> | undefined;

/** Starts the service; `variables` are those of its environment and win over what tests have in common. */
export async function startApp(variables: Record<string, string> = {}): Promise<RunningApp> {
  const dataDir = await mkdtemp(join(tmpdir(), 'ingester-test-'));
  keyPair ??= createTestKeys();
  const keys = await keyPair;
  const environment = parseEnvironment({
    NODE_ENV: 'test',
    HOST: '127.0.0.1',
    PORT: '0',
    DATA_DIR: dataDir,
    LOG_LEVEL: 'silent',
    // What a test has done shows at once.
    REPORT_MAX_AGE_MS: '0',
    ...(variables.JWT_JWKS_URL === undefined && { JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir) }),
    ...variables,
  });
  const app = await createApp(environment);
  await app.listen(environment.PORT, environment.HOST);
  const management = await listenForManagement(app, environment);
  const port = portOf(app.getHttpServer());
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    port,
    ...(management && { managementPort: portOf(management) }),
    dataDir,
    keys,
    token: (claims = {}) => keys.sign({ sub: 'alice', role: 'user', ...claims }),
    close: async () => {
      await app.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
