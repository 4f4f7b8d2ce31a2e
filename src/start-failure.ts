import { resolve, sep } from 'node:path';
import { isNativeError } from 'node:util/types';
import pino from 'pino';
import { ConfigurationError } from './config/environment.js';
import { ManagementPortError } from './connections/management-port.js';
import { openLogDestination } from './observability/log-destination.js';
import { logOptions } from './observability/log-options.js';

type Variables = Record<string, string | undefined>;

/** What the system says of a port, and not of the address: it is taken, or kept for privileged users. */
const OF_THE_PORT = new Set<unknown>(['EADDRINUSE', 'EACCES']);

/**
 * Logs why the service does not start, whatever `LOG_LEVEL` is: a line for each variable that is to blame, and a stack
 * only where none is.
 */
export async function reportStartFailure(error: unknown, variables: Variables): Promise<void> {
  const logger = pino(logOptions('error'), await openLogDestination(variables));
  const problems = startProblems(error, variables.DATA_DIR);
  if (problems.length === 0) logger.error({ err: error }, 'the service does not start');
  for (const problem of problems) logger.error(`the service does not start: ${problem}`);
}

/** What is wrong with which variable; empty where it is none of theirs. */
export function startProblems(error: unknown, dataDir = './data'): readonly string[] {
  if (error instanceof ConfigurationError) return error.problems;
  if (error instanceof ManagementPortError) {
    return startProblems(error.cause).map((problem) => `MANAGEMENT_${problem}`);
  }
  if (!isNativeError(error)) return [];
  const { syscall, code, path, address, port, hostname } = membersOf(error);
  if (syscall === 'getaddrinfo') return [`HOST: ${String(hostname)} cannot be resolved (${String(code)})`];
  if (syscall === 'listen') {
    return OF_THE_PORT.has(code)
      ? [`PORT: ${String(port)} cannot be listened on (${String(code)})`]
      : [`HOST: ${String(address)} cannot be listened on (${String(code)})`];
  }
  const isOurs = typeof path === 'string' && resolve(path).startsWith(resolve(dataDir) + sep);
  return isOurs ? [`DATA_DIR: ${error.message}`] : [];
}

/** What the system says with an error. */
function membersOf(error: Error): Record<string, unknown> {
  return Object.fromEntries(Object.entries(error));
}
