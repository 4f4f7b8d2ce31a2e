import { ConfigModule } from '@nestjs/config';
import type { Environment } from './environment.js';

/**
 * Gives every room the configuration that was checked before the application was built. It is passed in,
 * not read from the process, so that several applications with different settings can live in one process.
 */
export function configModule(environment: Environment): ReturnType<typeof ConfigModule.forRoot> {
  return ConfigModule.forRoot({
    isGlobal: true,
    cache: true,
    ignoreEnvFile: true,
    ignoreEnvVars: true,
    skipProcessEnv: true,
    load: [() => environment],
  });
}
