import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { checkIdentity, dispositionFilename, multipartBoundary, rawContentType } from './request-headers.js';

const requestWith = (headers: Record<string, string | undefined>): IncomingMessage =>
  ({ headers }) as unknown as IncomingMessage;
const asSent = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

describe('multipartBoundary', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'abc'],
    ['Multipart/Form-Data; charset=utf-8; Boundary="a b:c"', 'a b:c'],
    [
      'multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW',
      '----WebKitFormBoundary7MA4YWxkTrZu0gW',
    ],
    ['multipart/form-data; boundary=----=_Part_1_12.34', '----=_Part_1_12.34'],
    ['multipart/form-data; boundary=a/b:c?d,e(f)', 'a/b:c?d,e(f)'],
    ['multipart/form-data; boundary=*****', '*****'],
    ['multipart/form-data ;\tboundary = "a b" \t; charset=utf-8', 'a b'],
    ['multipart/form-data; boundary = abc ;', 'abc'],
    ['multipart/form-data; note="; boundary=x"; boundary=y', 'y'],
    [`multipart/form-data; boundary=${'x'.repeat(70)}`, 'x'.repeat(70)],
  ])('reads %j', (contentType, boundary) => {
    expect(multipartBoundary(requestWith({ 'content-type': contentType }))).toBe(boundary);
  });

  it.each([
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
    'multipart/form-data; boundary="a\\"b"',
    'multipart/form-data; boundary="a ',
    'multipart/form-data; boundary="a "',
    'multipart/form-data; boundary=a b',
    'multipart/form-data; boundary=a@b',
    'multipart/form-data; boundary=\xe9',
    'multipart/form-data; boundary=a; boundary=b',
    'multipart/form-data; boundary=a; Boundary="a"',
    'multipart/form-data; boundary=a, multipart/form-data; boundary=a',
  ])('refuses %j', (contentType) => {
    expect(() => multipartBoundary(requestWith({ 'content-type': contentType }))).toThrow(
      'MALFORMED_MULTIPART',
    );
  });

  it.each(['', 'application/json', 'multipart/mixed; boundary=a', 'multipart/form-database; boundary=a'])(
    'refuses the type %j',
    (contentType) => {
      expect(() => multipartBoundary(requestWith({ 'content-type': contentType }))).toThrow(
        'UNSUPPORTED_MEDIA_TYPE',
      );
    },
  );
});

describe('dispositionFilename', () => {
  it.each([
    ['attachment; filename="a.txt"', 'a.txt'],
    ["attachment; filename=x; filename*=UTF-8''%D0%BA%D0%BB.txt", 'кл.txt'],
    ["attachment; filename*=iso-8859-1'en'%A3%20rates", '£ rates'],
    ['attachment; filename="ключ.txt"', 'ключ.txt'],
    ['attachment', undefined],
    // RFC 9110 section 5.6.4: a backslash is for a quote and for another one. Elsewhere somebody forgot to double it.
    [String.raw`attachment; filename="notes\\"`, 'notes\\'],
    [String.raw`attachment; filename="a\"b\c.txt"`, String.raw`a"b\c.txt`],
    [String.raw`attachment; filename="C:\dir\a.txt"`, String.raw`C:\dir\a.txt`],
    // Nor is % special.
    ['attachment; filename="100%22.txt"', '100%22.txt'],
  ])('reads %j', (header, filename) => {
    expect(dispositionFilename(requestWith({ 'content-disposition': asSent(header) }))).toBe(filename);
  });

  it('refuses a name that is not UTF-8', () => {
    const header = 'attachment; filename="\xff\xfe.txt"';
    expect(() => dispositionFilename(requestWith({ 'content-disposition': header }))).toThrow(
      'VALIDATION_ERROR',
    );
  });

  it('refuses what is no Content-Disposition', () => {
    expect(() => dispositionFilename(requestWith({ 'content-disposition': 'filename="a' }))).toThrow(
      'VALIDATION_ERROR',
    );
  });

  it('refuses a name whose quote is not closed', () => {
    const header = 'attachment; filename="notes\\"';
    expect(() => dispositionFilename(requestWith({ 'content-disposition': header }))).toThrow(
      'VALIDATION_ERROR',
    );
  });
});

describe('rawContentType', () => {
  it.each([
    [undefined, 'application/octet-stream'],
    ['', 'application/octet-stream'],
    ['text/plain;\tcharset="utf-8"', 'text/plain;\tcharset="utf-8"'],
  ])('makes %j into %j', (given, contentType) => {
    expect(rawContentType(requestWith({ 'content-type': given }))).toBe(contentType);
  });

  it.each(['multipart/form-data; boundary=a', 'Multipart/Mixed', 'multipart/'])(
    'refuses %j',
    (contentType) => {
      expect(() => rawContentType(requestWith({ 'content-type': contentType }))).toThrow(
        'UNSUPPORTED_MEDIA_TYPE',
      );
    },
  );

  it('refuses what is not ASCII', () => {
    expect(() => rawContentType(requestWith({ 'content-type': asSent('text/plain; a="é"') }))).toThrow(
      'VALIDATION_ERROR',
    );
  });
});

describe('checkIdentity', () => {
  it('refuses bodies that are not the file as it is', () => {
    expect(() => checkIdentity(requestWith({ 'content-encoding': 'gzip' }))).toThrow(
      'UNSUPPORTED_MEDIA_TYPE',
    );
    expect(() => checkIdentity(requestWith({ 'content-range': 'bytes 0-1/2' }))).toThrow('VALIDATION_ERROR');
    expect(() => checkIdentity(requestWith({ 'content-encoding': 'identity' }))).not.toThrow();
  });

  it.each(['gzip, chunked', 'Chunked, chunked', 'x-chunked'])('refuses the transfer coding %j', (coding) => {
    expect(() => checkIdentity(requestWith({ 'transfer-encoding': coding }))).toThrow(
      'UNSUPPORTED_MEDIA_TYPE',
    );
  });

  it.each(['chunked', 'Chunked'])('takes the transfer coding %j', (coding) => {
    expect(() => checkIdentity(requestWith({ 'transfer-encoding': coding }))).not.toThrow();
  });
});
