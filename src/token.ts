import { developmentToken } from './auth/development-token.js';
import { parseTokenArguments } from './auth/token-arguments.js';
import { loadEnvironment } from './config/environment.js';
import { storageDrivers } from './storage/storage-drivers.js';

/* Prints a development token, and nothing else, so that a shell can take it: TOKEN=$(npm run -s token -- …). */
process.umask(0o077);
try {
  const options = parseTokenArguments(process.argv.slice(2));
  process.stdout.write(`${await developmentToken(loadEnvironment(storageDrivers), options)}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
