import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { DigestCheck } from '../../body/digest-check.js';
import { CheckedContent } from './checked-content.js';

/** Hands what is declared of `declared`, then the bytes of `hello`; tells what came out. */
async function passOn(declared: string): Promise<{ passed: string[]; failure: unknown }> {
  const hex = createHash('sha512').update(declared).digest('hex');
  const check = new DigestCheck({ make: ['sha512'], declared: () => [{ algorithm: 'sha512', hex }] });
  const passed: string[] = [];
  const content = new CheckedContent(check, {
    backPressure: undefined,
    write: (chunk) => void passed.push(chunk.toString()),
    end: () => Promise.resolve(void passed.push('end')),
  });
  for (const chunk of ['hel', 'lo']) content.write(Buffer.from(chunk));
  const failure: unknown = await content.end().catch((error: unknown) => error);
  return { passed, failure };
}

describe('CheckedContent', () => {
  it('passes bytes on, and their end when they are the declared ones', async () => {
    expect(await passOn('hello')).toEqual({ passed: ['hel', 'lo', 'end'], failure: undefined });
  });

  it('passes no end on when they are others', async () => {
    expect(await passOn('other')).toEqual({
      passed: ['hel', 'lo'],
      failure: expect.objectContaining({ code: 'DIGEST_MISMATCH' }),
    });
  });
});
