import { standardOutput } from './observability/standard-output.js';

/**
 * Ends the process once its log lines are out, or after `flushMs` milliseconds. Node does not exit before every write has
 * come back, and one to a terminal that is held never does: then the process is killed.
 */
export async function endProcess(exitCode: number, flushMs: number): Promise<never> {
  const closed = await standardOutput().close(flushMs);
  if (!closed) process.kill(process.pid, 'SIGKILL');
  process.exit(exitCode);
}
