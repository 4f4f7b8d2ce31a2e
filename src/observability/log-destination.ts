import pino, { type DestinationStream } from 'pino';

/** Where log lines go; tests put their own stream in its place and read JSON from it. */
export const LOG_DESTINATION = Symbol('LOG_DESTINATION');

const STDOUT = 1;
const MAX_UNWRITTEN_BYTES = 16 * 1024 * 1024;

/**
 * Opens standard output. JSON is written without waiting, and what is left is flushed when the process exits;
 * lines are dropped rather than kept without bound when nobody reads. Text is for people: it is formatted and
 * written at once, by a package that production never loads.
 */
export async function openLogDestination(format: 'json' | 'text'): Promise<DestinationStream> {
  if (format === 'json') {
    return pino.destination({ dest: STDOUT, sync: false, maxLength: MAX_UNWRITTEN_BYTES });
  }
  const { default: pretty } = await import('pino-pretty');
  return pretty({
    destination: STDOUT,
    sync: true,
    singleLine: true,
    colorize: process.stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'service',
  });
}
