import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import { Busboy } from '@fastify/busboy';

/** A multipart form as it came in, to its last boundary. */
export interface ReceivedForm {
  /** Text parts by name. */
  readonly fields: Record<string, string>;
  /** Names of all parts in the order in which they came. */
  readonly partNames: readonly string[];
  readonly filename: string;
  readonly contentType: string;
  readonly size: number;
  readonly sha256: string;
}

/**
 * Reads a form with one file. `beforeChunk` is called with the bytes of the body so far before each chunk is
 * taken; whatever it waits for, the sender waits for. Fails when the body ends before its last boundary.
 */
export async function readForm(
  request: IncomingMessage,
  beforeChunk: (bytes: number, chunkBytes: number) => Promise<void>,
): Promise<ReceivedForm> {
  const contentType = request.headers['content-type'] ?? '';
  const parser = new Busboy({ headers: { 'content-type': contentType }, preservePath: true });
  const hash = createHash('sha256');
  const fields: Record<string, string> = {};
  const partNames: string[] = [];
  const file = { filename: '', contentType: '', size: 0 };
  parser.on('field', (name: string, value: string) => {
    partNames.push(name);
    fields[name] = value;
  });
  parser.on('file', (...[name, stream, filename, , type]) => {
    partNames.push(name);
    Object.assign(file, { filename: unescaped(filename), contentType: type });
    stream.on('data', (chunk: Buffer) => {
      file.size += chunk.length;
      hash.update(chunk);
    });
  });
  const finished = once(parser, 'finish');
  finished.catch(() => undefined);
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    await beforeChunk(bytes, chunk.length);
    bytes += chunk.length;
    if (!parser.write(chunk)) await setImmediate();
  }
  parser.end();
  await finished;
  return { fields, partNames, ...file, sha256: hash.digest('hex') };
}

/** The way back from what a browser writes for the characters that would end a quoted name. */
function unescaped(name: string): string {
  return name.replaceAll('%0D', '\r').replaceAll('%0A', '\n').replaceAll('%22', '"');
}
