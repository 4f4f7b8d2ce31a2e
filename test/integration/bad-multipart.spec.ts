import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BOUNDARY, filePart, MULTIPART_TYPE, multipart, type Part } from '../support/multipart.js';
import { expectProblem, type StrictApp, startStrictApp } from '../support/strict-app.js';

const description: Part = { name: 'description', value: 'd' };

const fieldsOf = (problem: Record<string, unknown>): unknown[] =>
  (problem.errors as { field: string }[]).map(({ field }) => field);

describe('a bad form', () => {
  let app: StrictApp;

  beforeAll(async () => {
    app = await startStrictApp();
  });

  // oxlint-disable-next-line jest/no-standalone-expect -- what holds after every case of bad input
  afterEach(() => app.expectUnharmed());

  afterAll(() => app.running.close());

  it.each([
    ['no boundary', 'multipart/form-data', 400, 'MALFORMED_MULTIPART'],
    ['two boundaries', `${MULTIPART_TYPE}; boundary=other`, 400, 'MALFORMED_MULTIPART'],
    ['a boundary of another form', 'multipart/form-data; boundary=other', 400, 'MALFORMED_MULTIPART'],
    ['another type', 'application/x-www-form-urlencoded', 415, 'UNSUPPORTED_MEDIA_TYPE'],
  ])('with %s is refused', async (_, type, status, code) => {
    expectProblem(await app.send(multipart([filePart()]), { 'Content-Type': type }), status, code);
  });

  it.each([
    ['has lines that end with LF only', (form: string) => form.replaceAll('\r\n', '\n')],
    ['has headers that do not end', () => `--${BOUNDARY}\r\nX-Filler: ${'x'.repeat(100_000)}`],
    [
      'has a part without Content-Disposition',
      (form: string) => form.replace(/Content-Disposition.*\r\n/, ''),
    ],
    ['has a part that is no form-data', (form: string) => form.replace('form-data', 'attachment')],
    ['has a part without a name', (form: string) => form.replace('name="file"; ', '')],
    ['has a disposition that does not parse', (form: string) => form.replace('name="file"', 'name="file')],
    ['breaks off before its final boundary', (form: string) => form.slice(0, -10)],
    ['breaks off in the headers', (form: string) => form.slice(0, 60)],
    ['goes on after its final boundary', (form: string) => form + 'x'.repeat(100_000)],
  ])('that %s is refused', async (_, spoil) => {
    const body = Buffer.from(spoil(multipart([filePart()]).toString()));
    expectProblem(await app.send(body), 400, 'MALFORMED_MULTIPART');
  });

  it('with a file name that is not UTF-8 is refused', async () => {
    const body = Buffer.from(multipart([filePart('hello', 'caf\xe9.txt')]).toString(), 'latin1');
    expectProblem(await app.send(body), 400, 'MALFORMED_MULTIPART');
  });

  it('with 10 000 parts is refused', async () => {
    const parts = Array.from({ length: 10_000 }, () => description);
    const problem = expectProblem(await app.send(multipart([...parts, filePart()])), 400, 'VALIDATION_ERROR');
    expect(problem.detail).toContain('description');
  });

  it.each<[string, Part[], string]>([
    ['no file', [description], 'file'],
    ['two files', [filePart(), filePart()], 'file'],
    ['a file that is a plain field', [{ name: 'file', value: 'hello' }], 'file'],
    ['a field after the file', [filePart(), description], 'description'],
    ['an unknown field', [{ name: 'ttl_day', value: '1' }, filePart()], 'ttl_day'],
    ['a field twice', [description, description, filePart()], 'description'],
    ['a field that is too large', [{ ...description, value: 'x'.repeat(2001) }, filePart()], 'description'],
    [
      'a field that is not UTF-8',
      [{ ...description, value: Buffer.from([0xff]) }, filePart()],
      'description',
    ],
    [
      'a field in an unknown charset',
      [{ ...description, contentType: 'text/plain; charset=utf-7' }, filePart()],
      'description',
    ],
    ['a default charset that is not known', [{ name: '_charset_', value: 'utf-7' }, filePart()], '_charset_'],
    ['a file type outside ASCII', [{ ...filePart(), contentType: 'text/plain; a="é"' }], 'file'],
    ['a time to live of 0', [{ name: 'ttl_days', value: '0' }, filePart()], 'ttl_days'],
    ['a time to live of 400', [{ name: 'ttl_days', value: '400' }, filePart()], 'ttl_days'],
    ['a file name that is too long', [filePart('hello', 'x'.repeat(300))], 'filename'],
  ])('with %s is refused', async (_, parts, field) => {
    const problem = expectProblem(await app.send(multipart(parts)), 400, 'VALIDATION_ERROR');
    expect(fieldsOf(problem)).toEqual([field]);
  });

  it('in which no file was chosen is refused', async () => {
    expectProblem(await app.send(multipart([filePart('', '')])), 400, 'EMPTY_FILE');
  });

  it('with a file of a type that is not taken is refused, declared, sniffed or contradicted', async () => {
    const declared = { ...filePart(), contentType: 'application/pdf' };
    expectProblem(await app.send(multipart([declared])), 415, 'UNSUPPORTED_MEDIA_TYPE');
    const sniffed = filePart(Buffer.concat([Buffer.from('%PDF-1.7\n'), Buffer.alloc(10_000)]));
    expectProblem(await app.send(multipart([sniffed])), 415, 'UNSUPPORTED_MEDIA_TYPE');
    const contradicted = { ...filePart('<html><script>alert(1)</script>'), contentType: 'image/png' };
    expectProblem(await app.send(multipart([contradicted])), 415, 'UNSUPPORTED_MEDIA_TYPE');
  });
});
