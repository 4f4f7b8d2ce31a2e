import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import {
  ConfigurationError,
  type Environment,
  loadEnvironment,
  strayVariables,
} from './config/environment.js';
import { asError } from './errors/as-error.js';
import { createApp, portOf } from './create-app.js';
import { guardStandardStreams } from './observability/standard-output.js';
import { printWelcome } from './welcome.js';
import { shutDownOnSignal } from './shutdown.js';

async function main(environment: Environment): Promise<void> {
  const app = await createApp(environment);
  for (const warning of strayVariables()) new Logger('Configuration').warn(warning);
  shutDownOnSignal(app, environment);
  await app.listen(environment.PORT, environment.HOST);
  const port = portOf(app);
  new Logger('Ingester').log(
    { port, ready_after_ms: Math.round(performance.now()) },
    `listening on port ${port}`,
  );
  await printWelcome(environment, port);
}

guardStandardStreams();
try {
  await main(loadEnvironment());
} catch (error) {
  // Before there is a logger, and for eyes that look for the one reason why nothing starts.
  process.stderr.write(
    error instanceof ConfigurationError ? `${error.message}\n` : `${String(asError(error).stack)}\n`,
  );
  process.exit(1);
}
