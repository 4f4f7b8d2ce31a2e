import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import type { FileBody } from '../../storage-element.js';
import { OutgoingMultipart } from './outgoing-multipart.js';

function bodyOf(stream: Readable, length?: number): FileBody {
  return { takeWhole: () => undefined, stream, length, digest: () => ({ size: 0, sha256: '' }) };
}

function formOf(filename: string, contentType = 'text/plain', parts: Record<string, string | null> = {}) {
  return new OutgoingMultipart(
    parts,
    { filename, contentType },
    bodyOf(Readable.from([Buffer.from('hello')], { objectMode: false }), 5),
  );
}

const boundaryOf = (form: OutgoingMultipart) =>
  form.contentType.replace('multipart/form-data; boundary=', '');

describe('OutgoingMultipart', () => {
  it('writes parts as RFC 7578 has them, and knows its length', async () => {
    const form = formOf('a.txt', 'text/plain', { one: 'eins', none: null, two: 'zwei' });
    const boundary = boundaryOf(form);
    const written = await text(form);
    expect(written).toBe(
      [
        `--${boundary}`,
        'Content-Disposition: form-data; name="one"',
        '',
        'eins',
        `--${boundary}`,
        'Content-Disposition: form-data; name="two"',
        '',
        'zwei',
        `--${boundary}`,
        'Content-Disposition: form-data; name="file"; filename="a.txt"',
        'Content-Type: text/plain',
        '',
        'hello',
        `--${boundary}--`,
        '',
      ].join('\r\n'),
    );
    expect(form.contentLength).toBe(Buffer.byteLength(written));
  });

  it('encodes nothing of a name but what would end it, or be taken for an escape', async () => {
    const written = await text(formOf('a"b\r\nX: y;\\ 100% ü\\'));
    expect(written).toContain(String.raw`filename="a%22b%0D%0AX: y;\\ 100% ü\\"` + '\r\nContent-Type');
  });

  it('keeps the white space of a type', async () => {
    expect(await text(formOf('a', 'text/plain;\tcharset=utf-8'))).toContain(
      '\r\nContent-Type: text/plain;\tcharset=utf-8\r\n\r\n',
    );
  });

  it.each(['text/plain\r\nX-Evil: 1', 'text/plain\n', '', 'text/плохо'])(
    'writes a neutral type for %j',
    async (contentType) => {
      const written = await text(formOf('a', contentType));
      expect(written).toContain('\r\nContent-Type: application/octet-stream\r\n\r\n');
      expect(written).not.toContain('X-Evil');
    },
  );

  it('takes a new boundary for each form', () => {
    expect(boundaryOf(formOf('a'))).not.toBe(boundaryOf(formOf('a')));
    expect(boundaryOf(formOf('a')).length).toBeLessThanOrEqual(70);
  });

  it('holds the closing boundary back until the file has ended', async () => {
    const source = new PassThrough();
    const form = new OutgoingMultipart({}, { filename: 'a', contentType: 'a/b' }, bodyOf(source));
    let written = '';
    form.on('data', (chunk: Buffer) => (written += chunk.toString()));
    source.write('hello');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(written).toMatch(/hello$/);
    expect(form.complete).toBe(false);
    source.end();
    await new Promise((resolve) => form.once('end', resolve));
    expect(form.complete).toBe(true);
    expect(written).toMatch(/hello\r\n--.*--\r\n$/);
  });

  it('reads nothing before it is read itself, and pauses the file with its reader', async () => {
    const source = new PassThrough({ highWaterMark: 1024 });
    const form = new OutgoingMultipart({}, { filename: 'a', contentType: 'a/b' }, bodyOf(source));
    source.write('x'.repeat(1024));
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(form.bytesTaken).toBe(0);
    form.once('data', () => form.pause());
    form.resume();
    for (let round = 0; round < 200; round += 1) {
      source.write('x'.repeat(1024));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(form.bytesTaken).toBeLessThanOrEqual(2 * form.readableHighWaterMark);
    expect(source.readableFlowing).toBe(false);
    const failed = new Promise((resolve) => form.once('error', resolve));
    source.destroy();
    expect(await failed).toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
  });
});
