import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ServiceError } from '../../errors/service-error.js';
import { MultipartParser } from './multipart-parser.js';
import { type PartHeaders, parsePartHeaders } from './part-headers.js';
import { casesOf } from '../../../test/support/long-run.js';

const LIMITS = { parts: 5, headerBytes: 256 };

interface ReadPart extends PartHeaders {
  content: string;
}

function parse(
  body: string | Buffer,
  boundary = 'b',
  cut: (bytes: Buffer) => Buffer[] = (bytes) => [bytes],
): ReadPart[] {
  const parts: ReadPart[] = [];
  const parser = new MultipartParser(boundary, LIMITS, (headerBlock) => {
    const part = { ...parsePartHeaders(headerBlock), content: '' };
    let ended = false;
    return {
      data: (chunk) => {
        if (ended) throw new Error('data after end');
        part.content += chunk.toString('latin1');
      },
      end: () => {
        ended = true;
        parts.push(part);
      },
    };
  });
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(body, 'utf8');
  for (const chunk of cut(bytes)) parser.write(Buffer.from(chunk));
  parser.end();
  return parts;
}

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof ServiceError ? error.code : `threw ${String(error)}`;
  }
  return 'no error';
}

/** Chunks of these sizes, over and over. */
function cutInto(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.from([byte]));
const part = (name: string, content: string, more = ''): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${content}\r\n`;

describe('MultipartParser', () => {
  it('reads parts in order, whole and byte by byte', () => {
    const body = `${part('description', 'hello')}${part('file', 'a\r\n-b\r\n--', '; filename="a.txt"')}--b--\r\n`;
    const expected = [
      { name: 'description', filename: undefined, content: 'hello' },
      { name: 'file', filename: 'a.txt', content: 'a\r\n-b\r\n--' },
    ];
    expect(parse(body)).toMatchObject(expected);
    expect(parse(body, 'b', bytewise)).toMatchObject(expected);
  });

  it.each([1, 7, 8, 9, 30])('finds the delimiter behind %d beginnings of one', (count) => {
    const content = '\r\n--c'.repeat(count);
    const body = `${part('file', content, '; filename="a.txt"')}--b--\r\n`;
    expect(parse(body)).toMatchObject([{ content }]);
    expect(parse(body, 'b', (bytes) => cutInto(bytes, [11, 3]))).toMatchObject([{ content }]);
  });

  it('says where the bytes of a part begin, however they are cut', () => {
    const before = part('description', 'hello');
    const body = Buffer.from(`${before}${part('file', 'x'.repeat(500), '; filename="a.txt"')}--b--\r\n`);
    const cuts = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 });
    fc.assert(
      fc.property(cuts, (sizes) => {
        const positions: number[] = [];
        const parser = new MultipartParser('b', LIMITS, (_headerBlock, position) => {
          positions.push(position);
          return { data: () => undefined, end: () => undefined };
        });
        for (const chunk of cutInto(body, sizes)) parser.write(chunk);
        parser.end();
        expect(positions).toEqual([body.indexOf('hello'), body.indexOf('xxx')]);
        expect(body.length - (positions[1] ?? 0) - parser.closingBytes).toBe(500);
      }),
    );
  });

  it('gives the same parts however the bytes are cut', () => {
    const nearDelimiters = fc.array(
      fc.constantFrom('\r', '\n', '-', 'b', '\r\n--', '\r\n--c', 'x', '--b', '\r\r\n--'),
      {
        maxLength: 40,
      },
    );
    fc.assert(
      fc.property(
        nearDelimiters,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        (pieces, sizes) => {
          const content = pieces.join('');
          fc.pre(
            !`\r\n${content}`.includes('\r\n--b') && !`${content}\r\n--b`.slice(0, -1).includes('\r\n--b'),
          );
          const cut = (bytes: Buffer): Buffer[] => cutInto(bytes, sizes);
          expect(parse(`${part('file', content, '; filename="f"')}--b--`, 'b', cut)[0]?.content).toBe(
            content,
          );
        },
      ),
      { numRuns: casesOf(2000) },
    );
  });

  it('ignores a short preamble, padding after a boundary and a short epilogue', () => {
    expect(parse(`preamble\r\n${part('a', '1').replace('--b', '--b \t')}--b--\r\nepilogue`)).toMatchObject([
      { name: 'a', content: '1' },
    ]);
  });

  it('takes an empty part', () => {
    expect(parse(`${part('a', '')}--b--`)).toMatchObject([{ name: 'a', content: '' }]);
  });

  it.each([
    ['the boundary is another', `${part('a', '1')}--b--`, 'other'],
    ['the body is empty', '', 'b'],
    ['the final boundary is missing', part('a', '1'), 'b'],
    ['the body ends in the middle of a part', part('a', '1').slice(0, -4), 'b'],
    ['the body ends in the headers', '--b\r\nContent-Disposition: form-da', 'b'],
    ['lines end with LF only', part('a', '1').replaceAll('\r\n', '\n'), 'b'],
    ['a part has no headers', '--b\r\n\r\n1\r\n--b--', 'b'],
    ['a part has no Content-Disposition', '--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--', 'b'],
    [
      'the disposition is not form-data',
      '--b\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--b--',
      'b',
    ],
    ['the disposition has no name', '--b\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b--', 'b'],
    ['the disposition has junk', '--b\r\nContent-Disposition: form-data; name="a" x\r\n\r\n1\r\n--b--', 'b'],
    ['the name is not closed', '--b\r\nContent-Disposition: form-data; name="a\r\n\r\n1\r\n--b--', 'b'],
    [
      'a header is there twice',
      part('a', '1').replace('\r\n\r\n', '\r\nContent-Disposition: form-data; name="b"\r\n\r\n'),
      'b',
    ],
    [
      'a part is base64',
      part('a', '1').replace('\r\n\r\n', '\r\nContent-Transfer-Encoding: base64\r\n\r\n'),
      'b',
    ],
    ['the headers do not end', `--b\r\nX: ${'x'.repeat(400)}`, 'b'],
    ['data follows the final boundary', `${part('a', '1')}--b--\r\n${'x'.repeat(400)}`, 'b'],
    ['a boundary is followed by data', '--bad\r\n', 'b'],
  ])('refuses the body when %s', (_, body, boundary) => {
    expect(codeOf(() => parse(body, boundary))).toBe('MALFORMED_MULTIPART');
    expect(codeOf(() => parse(body, boundary, bytewise))).toBe('MALFORMED_MULTIPART');
  });

  it('refuses headers that are not UTF-8', () => {
    const body = Buffer.from(
      `--b\r\nContent-Disposition: form-data; name="\xe9"\r\n\r\n1\r\n--b--`,
      'latin1',
    );
    expect(codeOf(() => parse(body))).toBe('MALFORMED_MULTIPART');
  });

  it('refuses more parts than allowed', () => {
    expect(codeOf(() => parse(part('a', '1').repeat(10_000)))).toBe('VALIDATION_ERROR');
  });
});
