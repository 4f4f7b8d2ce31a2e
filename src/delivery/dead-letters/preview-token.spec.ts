import { describe, expect, it } from '@jest/globals';
import type { BulkAction, DeadLetterFilter } from '../dead-letter.js';
import { PREVIEW_MS, previewedAt, tokenOf } from './preview-token.js';

const AT = 1_800_000_000_000;
const FILTER: DeadLetterFilter = { reason: 'STORAGE_FAILED', owner: 'alice' };
const SHOWN = { atMs: AT, count: 3 };
const TOKEN = tokenOf('drop', FILTER, SHOWN);

/** What an order is refused with; undefined where it is not. */
function refusal(token: string, action: BulkAction, filter: DeadLetterFilter, nowMs = AT): unknown {
  try {
    previewedAt(token, action, filter, nowMs);
    return undefined;
  } catch (error) {
    return Object(error).code;
  }
}

describe('the token of a preview', () => {
  it('tells when that was, as long as it is good', () => {
    expect(previewedAt(TOKEN, 'drop', FILTER, AT + PREVIEW_MS - 1)).toEqual(SHOWN);
    expect(refusal(TOKEN, 'drop', FILTER, AT + PREVIEW_MS)).toBe('CONFLICT');
  });

  it('does not mind the order of members, nor those that are not given', () => {
    const same = { kind: undefined, owner: 'alice', reason: 'STORAGE_FAILED' };
    expect(previewedAt(TOKEN, 'drop', same, AT)).toEqual(SHOWN);
  });

  it.each<[BulkAction, DeadLetterFilter]>([
    ['redeliver', FILTER],
    ['drop', {}],
    ['drop', { ...FILTER, owner: 'bob' }],
    ['drop', { ...FILTER, olderThanMs: 1 }],
  ])('is refused for %s of %j', (action, filter) => {
    expect(refusal(TOKEN, action, filter)).toBe('CONFLICT');
  });

  it.each([
    'x',
    '',
    Buffer.from('1;1;2').toString('base64url'),
    tokenOf('drop', FILTER, { atMs: AT + 1, count: 3 }),
  ])('is refused where it is none of ours: %s', (token) => {
    expect(refusal(token, 'drop', FILTER)).toBe('VALIDATION_ERROR');
  });
});
