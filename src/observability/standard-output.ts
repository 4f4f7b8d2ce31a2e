import { write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import { LineWriter } from './line-writer.js';

const STDOUT = 1;
/** Enough for the ten seconds in which a log collector starts anew. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

const writeTo = promisify(write);
let output: LineWriter | undefined;

/** What writes to standard output: one for the process, and not for each application in it. */
export function standardOutput(): LineWriter {
  output ??= new LineWriter(async (bytes) => {
    const { bytesWritten } = await writeTo(STDOUT, bytes);
    return bytesWritten;
  }, MAX_WAITING_BYTES);
  return output;
}

/**
 * Prepares the process for standard streams that fail. Node opens its own streams with the first look at them, which
 * makes pipes and sockets non-blocking: a reader that stalls then holds up no thread. What others write to them, as
 * Node its warnings, may fail in silence.
 */
export function guardStandardStreams(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.once('exit', () => writeAtOnce(standardOutput().rest()));
}

/** The process is about to end: what is not taken at once is lost. */
function writeAtOnce(text: string): void {
  try {
    if (text !== '') writeSync(STDOUT, text);
  } catch {
    // There is nobody left to be told.
  }
}
