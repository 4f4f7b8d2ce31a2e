import type { DestinationStream } from 'pino';
import { standardOutput } from './standard-output.js';

/** Where log lines go; tests put their own stream in its place and read JSON from it. */
export const LOG_DESTINATION = Symbol('LOG_DESTINATION');

interface LogVariables {
  readonly LOG_FORMAT?: string;
  readonly NODE_ENV?: string;
}

/**
 * Opens standard output. Text is for people: it is made of the JSON, by a package that production never loads. The
 * variables may be unchecked: why they are refused is logged as well.
 */
export async function openLogDestination(variables: LogVariables): Promise<DestinationStream> {
  const output = standardOutput();
  if (isJson(variables)) return output;
  const { prettyFactory } = await import('pino-pretty');
  const toText = prettyFactory({
    singleLine: true,
    colorize: process.stdout.isTTY,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'service',
  });
  return { write: (line) => output.write(toText(line)) };
}

function isJson({ LOG_FORMAT, NODE_ENV }: LogVariables): boolean {
  return LOG_FORMAT === 'json' || (LOG_FORMAT !== 'text' && NODE_ENV === 'production');
}
