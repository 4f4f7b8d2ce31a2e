import { parseArgs } from 'node:util';
import { developmentToken, type DevelopmentTokenOptions } from './auth/development-token.js';
import { loadEnvironment } from './config/environment.js';

const USAGE = 'Usage: npm run -s token -- --sub NAME [--role ROLE]... [--scope SCOPE]... [--ttl SECONDS]';

/** Prints a development token, and nothing else, so that a shell can take it: TOKEN=$(npm run -s token -- …). */
async function printToken(args: string[]): Promise<void> {
  const token = await developmentToken(loadEnvironment(), readOptions(args));
  process.stdout.write(`${token}\n`);
}

function readOptions(args: string[]): DevelopmentTokenOptions {
  const { values } = parseArgs({
    args,
    options: {
      sub: { type: 'string' },
      role: { type: 'string', multiple: true },
      scope: { type: 'string', multiple: true },
      ttl: { type: 'string', default: '3600' },
    },
  });
  if (!values.sub) throw new Error(`--sub is required\n${USAGE}`);
  if (!/^[1-9]\d{0,8}$/.test(values.ttl))
    throw new Error(`--ttl must be seconds, got "${values.ttl}"\n${USAGE}`);
  return {
    subject: values.sub,
    roles: values.role ?? [],
    scopes: values.scope ?? [],
    ttlSeconds: Number(values.ttl),
  };
}

try {
  await printToken(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
