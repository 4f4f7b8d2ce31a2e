import { describe, expect, it } from '@jest/globals';
import { readState, stateOf } from './replica-state.js';

const NOTHING = stateOf([]);

describe('the state of a replica', () => {
  it('is what all rooms say together', () => {
    const spool = { bytes: 5, files: 1, limit_bytes: 0, free_bytes: 9, shut: 'full' };
    const state = stateOf([
      { spool, retries: 2 },
      { spool: { open_uploads: 3 }, draining: true },
      { uploads: { stored: 7 } },
    ]);
    expect(state).toEqual({
      ...NOTHING,
      draining: true,
      retries: 2,
      uploads: { ...NOTHING.uploads, stored: 7 },
      spool: { ...spool, open_uploads: 3 },
    });
    expect(readState(JSON.stringify(state))).toEqual(state);
  });

  it.each([
    null,
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"draining":false,"circuits":{"a":null},"transitions":[]}',
    '{"draining":false,"circuits":{},"transitions":"x"}',
    '{"draining":1,"circuits":{},"transitions":[]}',
  ])('is unknown where %j was written', (text) => {
    expect(readState(text)).toEqual(NOTHING);
  });
});
