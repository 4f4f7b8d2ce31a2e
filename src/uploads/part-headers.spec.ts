import { describe, expect, it } from '@jest/globals';
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

  it.each([' ', '\t', ' a', 'a '])('reads a long run of %j at once', (piece) => {
    const block = Buffer.from(`${DISPOSITION}\r\nX-A: a${piece.repeat(32_000)}b`);
    const begun = process.cpuUsage();
    parsePartHeaders(block);
    expect(process.cpuUsage(begun).user).toBeLessThan(200_000);
  });
});
