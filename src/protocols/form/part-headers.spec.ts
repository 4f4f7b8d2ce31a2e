import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parsePartHeaders } from './part-headers.js';

const DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="a.txt"';

describe('parsePartHeaders', () => {
  it.each([
    ['Content-Type:text/plain', 'text/plain'],
    ['Content-Type: \t text/plain \t ', 'text/plain'],
    ['Content-Type: text/plain; \t charset=utf-8', 'text/plain; \t charset=utf-8'],
    ['Content-Type:', undefined],
    ['Content-Type: \t ', undefined],
  ])('reads %j', (line, contentType) => {
    const block = Buffer.from(`${DISPOSITION}\r\n${line}`);
    expect(parsePartHeaders(block)).toEqual({ name: 'file', filename: 'a.txt', contentType });
  });

  const nameIn = (quoted: string): string | undefined =>
    parsePartHeaders(Buffer.from(`Content-Disposition: form-data; name="file"; filename=${quoted}`)).filename;

  it.each([
    // Chromium, fetch, curl and requests: only a quote and line ends are written otherwise.
    [String.raw`"notes\"`, 'notes\\'],
    [String.raw`"notes\"; size=5`, 'notes\\'],
    [String.raw`"notes\" ; filename*=UTF-8''notes%5C`, 'notes\\'],
    [String.raw`"a\b\\c.txt"`, String.raw`a\b\\c.txt`],
    [String.raw`"a%22b%0d%0A\.txt"`, 'a"b\r\n\\.txt'],
    [String.raw`"C:\dir\x.txt"`, String.raw`C:\dir\x.txt`],
    [String.raw`"a; b=c.txt"`, 'a; b=c.txt'],
    ['"100%.txt"', '100%.txt'],
    // Go, older curl and Firefox: a backslash before a quote.
    [String.raw`"a\"b.txt"`, 'a"b.txt'],
    [String.raw`"a\"b\\c\\"`, String.raw`a"b\c` + '\\'],
    [String.raw`"a\"b\c.txt"`, String.raw`a"b\c.txt`],
    [String.raw`"a\"; b=c.txt"`, 'a"; b=c.txt'],
    [String.raw`"\"a\""`, '"a"'],
    // RFC 8187, as .NET sends it beside the plain one.
    ["a.txt; filename*=utf-8''%D0%BA%5C.txt", 'к\\.txt'],
  ])('reads the file name %s', (quoted, filename) => {
    expect(nameIn(quoted)).toBe(filename);
  });

  it('reads every name that a browser writes', () => {
    const names = fc
      .array(fc.constantFrom('\\', '"', ';', '=', ' ', '%', 'a', 'é', '\r\n'))
      .map((all) => all.join(''));
    const written = (name: string): string =>
      `"${name.replaceAll('\r', '%0D').replaceAll('\n', '%0A').replaceAll('"', '%22')}"`;
    fc.assert(fc.property(names, (name) => expect(nameIn(written(name))).toBe(name)));
  });

  it('reads every name with a quote that an older client writes', () => {
    const names = fc
      .array(fc.constantFrom('\\', '"', ';', '=', ' ', '%', 'a'))
      .map((all) => `${all.join('')}"`);
    const written = (name: string): string => `"${name.replaceAll(/[\\"]/g, String.raw`\$&`)}"`;
    fc.assert(fc.property(names, (name) => expect(nameIn(written(name))).toBe(name)));
  });

  it.each(['"a', '"a"b"', '"a" b', String.raw`"a\"b`])('refuses the file name %s', (quoted) => {
    expect(() => nameIn(quoted)).toThrow('MALFORMED_MULTIPART');
  });

  it.each([' ', '\t', ' a', 'a '])('reads a long run of %j at once', (piece) => {
    const block = Buffer.from(`${DISPOSITION}\r\nX-A: a${piece.repeat(32_000)}b`);
    const begun = process.cpuUsage();
    parsePartHeaders(block);
    expect(process.cpuUsage(begun).user).toBeLessThan(200_000);
  });
});
