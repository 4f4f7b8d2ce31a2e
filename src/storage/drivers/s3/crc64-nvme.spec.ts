import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Crc64Nvme } from './crc64-nvme.js';

function crcOf(...chunks: readonly Buffer[]): string {
  const crc = new Crc64Nvme();
  for (const chunk of chunks) crc.update(chunk);
  return crc.digest().toString('hex');
}

describe('CRC-64/NVME', () => {
  it.each([
    ['nothing', Buffer.alloc(0), '0000000000000000'],
    // The check value of the catalogue of CRC algorithms.
    ['the digits', Buffer.from('123456789'), 'ae8b14860a799888'],
    // NVM Command Set Specification, 5.2.1.3.5.
    ['4 KiB of zeros', Buffer.alloc(4096), '6482d367eb22b64e'],
    ['4 KiB of ones', Buffer.alloc(4096, 0xff), 'c0ddba7302eca3ac'],
  ])('is known of %s', (_what, bytes, expected) => {
    expect(crcOf(bytes)).toBe(expected);
  });

  it('is the same however the bytes come', () => {
    const bytes = randomBytes(1003);
    for (let cut = 0; cut < 40; cut += 1)
      expect(crcOf(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(crcOf(bytes));
  });
});
