import { describe, expect, it } from '@jest/globals';
import { BOUNDARY, filePart, multipart, type Part } from '../../../test/support/multipart.js';
import { ServiceError } from '../../errors/service-error.js';
import type { FileHead, FileSink } from '../../ingest/upload-source.js';
import { FormBody } from './form-body.js';

const file: FileSink = { write: () => undefined, backPressure: undefined, end: () => Promise.resolve() };

/** What is known at the head of the file of this form. */
function read(form: Buffer): FileHead | undefined {
  let begun: FileHead | undefined;
  const upload = new FormBody({
    boundary: BOUNDARY,
    limits: { parts: 20, headerBytes: 4096 },
    fieldBytes: 1000,
    bodyBytes: undefined,
    sink: {
      begin: (head) => {
        begun = head;
        return file;
      },
    },
  });
  upload.write(form);
  return begun;
}

function problemOf(form: Buffer): unknown {
  try {
    read(form);
    return undefined;
  } catch (error) {
    return error instanceof ServiceError ? (error.options.fields?.[0] ?? error.code) : error;
  }
}

const described = (value: string | Buffer, contentType?: string): Part => ({
  name: 'description',
  value,
  contentType,
});
const charset = (value: string): Part => ({ name: '_charset_', value });
const withFile = (...parts: Part[]): Buffer => multipart([...parts, filePart()]);
const descriptionOf = (...parts: Part[]): unknown => read(withFile(...parts))?.fields.description;

/** 日本 */
const JIS = Buffer.from('1b2442467c4b5c1b2842', 'hex');
const SHIFT_JIS = Buffer.from('93fa967b', 'hex');

describe('a text part', () => {
  it.each<[string, Buffer]>([
    ['iso-2022-jp', JIS],
    ['"Shift_JIS"', SHIFT_JIS],
    ['utf-16le', Buffer.from('日本', 'utf16le')],
    ['UTF-8; format=flowed', Buffer.from('日本')],
  ])('is read in the charset %s of its own', (name, bytes) => {
    expect(descriptionOf(described(bytes, `text/plain; charset=${name}`))).toBe('日本');
  });

  it('is read in the charset that _charset_ names, before it or after it', () => {
    expect(descriptionOf(charset('Shift_JIS'), described(SHIFT_JIS))).toBe('日本');
    expect(descriptionOf(described(SHIFT_JIS), charset('Shift_JIS'))).toBe('日本');
  });

  it('is read in its own charset where _charset_ names another', () => {
    const own = described(SHIFT_JIS, 'text/plain;charset=shift_jis');
    expect(descriptionOf(charset('iso-2022-jp'), own)).toBe('日本');
  });

  it('is UTF-8 where nobody says otherwise', () => {
    expect(descriptionOf(described('日本'))).toBe('日本');
    expect(descriptionOf(charset(''), described('日本', 'text/plain'))).toBe('日本');
  });

  it('is read without a byte order mark', () => {
    const fields = read(
      withFile(
        described('\ufeff\ufeffa'),
        { name: 'ttl_days', value: '\ufeff7' },
        { name: 'tags', value: '\ufeff["a"]', contentType: 'application/json' },
        { name: 'metadata', value: '\ufeff{"a":1}' },
      ),
    )?.fields;
    expect(fields).toMatchObject({
      description: '\ufeffa',
      ttl_days: 7,
      tags: ['a'],
      metadata: { a: 1 },
    });
  });

  it.each([
    ['utf-7', 'names the charset "utf-7", which is not known'],
    ['iso-2022-kr', 'names the charset "iso-2022-kr", which is not known'],
    [`x-${'y'.repeat(500)}`, `names the charset "x-${'y'.repeat(58)}…", which is not known`],
  ])('in the charset %s is refused by name', (name, message) => {
    const form = withFile(described('a', `text/plain; charset=${name}`));
    expect(problemOf(form)).toEqual({ field: 'description', message });
  });

  it('that is not what its charset says is refused', () => {
    expect(problemOf(withFile(described(SHIFT_JIS)))).toEqual({
      field: 'description',
      message: 'must be valid utf-8',
    });
    expect(problemOf(withFile(described(Buffer.from([0x83]), 'text/plain; charset=sjis')))).toEqual({
      field: 'description',
      message: 'must be valid shift_jis',
    });
  });

  it.each(['text/plain; charset=a; charset=b', 'text/plain; charset="a', 'text/plain; charset='])(
    'of the type %j is refused, since its charset cannot be told',
    (contentType) => {
      expect(problemOf(withFile(described('a', contentType)))).toEqual({
        field: 'description',
        message: 'must have a Content-Type whose charset can be read',
      });
    },
  );

  it.each<[string, Part[]]>([
    ['names no known charset', [charset('utf-7')]],
    ['comes twice', [charset('utf-8'), charset('utf-8')]],
  ])('_charset_ that %s is refused', (_, parts) => {
    expect(problemOf(withFile(...parts))).toMatchObject({ field: '_charset_' });
  });
});

describe('the head of a file', () => {
  const nameOf = (bytes: Buffer, ...parts: Part[]): unknown => {
    const [before = '', after = ''] = withFile(...parts)
      .toString('latin1')
      .split('a.txt');
    const form = Buffer.concat([Buffer.from(before, 'latin1'), bytes, Buffer.from(after, 'latin1')]);
    return read(form)?.filename;
  };

  it('is read in the charset of its form, as browsers write it', () => {
    expect(nameOf(SHIFT_JIS, charset('Shift_JIS'))).toBe('日本');
    expect(nameOf(JIS, charset('ISO-2022-JP'))).toBe('日本');
    expect(nameOf(Buffer.from('日本'), charset('UTF-8'))).toBe('日本');
    expect(() => nameOf(SHIFT_JIS)).toThrow('MALFORMED_MULTIPART');
  });

  it('is UTF-8 where the texts of its form are UTF-16', () => {
    const description = described(Buffer.from('日本', 'utf16le'));
    const form = withFile(charset('utf-16le'), description);
    expect(read(form)).toMatchObject({ fields: { description: '日本' }, filename: 'a.txt' });
  });

  it('must have a Content-Type in ASCII', () => {
    const spoilt = multipart([{ ...filePart(), contentType: 'text/plain; a="é"' }]);
    expect(problemOf(spoilt)).toEqual({ field: 'file', message: 'must have a Content-Type in ASCII' });
  });
});

describe('a form in which no file was chosen', () => {
  const refused = new ServiceError('UNSUPPORTED_MEDIA_TYPE', 'Not this type.');
  const upload = (form: Buffer): FormBody => {
    const opened = new FormBody({
      boundary: BOUNDARY,
      limits: { parts: 20, headerBytes: 4096 },
      fieldBytes: 1000,
      bodyBytes: undefined,
      sink: {
        begin: () => {
          throw refused;
        },
      },
    });
    opened.write(form);
    return opened;
  };
  const unnamed = (value: string): Part => ({
    name: 'file',
    value,
    filename: '',
    contentType: 'application/octet-stream',
  });

  it('says so, whatever types are taken', async () => {
    await expect(upload(multipart([unnamed('')])).end()).rejects.toMatchObject({ code: 'EMPTY_FILE' });
  });

  it('is not one whose file has bytes, or comes after an empty one', () => {
    expect(() => upload(multipart([unnamed('x')]))).toThrow(refused);
    expect(() => upload(multipart([unnamed(''), filePart()]))).toThrow('VALIDATION_ERROR');
  });
});
