import { describe, expect, it } from '@jest/globals';
import { checkAcknowledged } from './s3-objects.js';

describe('what a store acknowledges', () => {
  const answer = (headers: Record<string, string>) => ({ status: 200, headers, text: '', bodySent: true });

  it.each([
    ['is the same', { 'x-amz-checksum-sha256': 'abc=' }],
    ['is not told', {}],
  ])('is good where the checksum %s', (_what, headers) => {
    expect(() => checkAcknowledged({ 'x-amz-checksum-sha256': 'abc=' }, answer(headers))).not.toThrow();
  });

  it('is no success where it is another', () => {
    const headers = { 'x-amz-checksum-sha256': 'xyz=' };
    expect(() => checkAcknowledged({ 'x-amz-checksum-sha256': 'abc=' }, answer(headers))).toThrow(
      'STORAGE_FAILED',
    );
  });
});
