import { describe, expect, it } from '@jest/globals';
import { repeatsMember } from './json-members.js';

describe('repeatsMember', () => {
  it.each([
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":1}',
    '[{"b":[{"a":{},"a":{}}]}]',
    '{"__proto__":1,"__proto__":2}',
    '{"a\\":":1, "a\\":" :2}',
  ])('sees that of %s', (json) => {
    expect(repeatsMember(json)).toBe(true);
  });

  it.each([
    '{}',
    '1',
    '{"a":{"a":1},"b":[{"a":1},{"a":1}]}',
    '{"a":"b:c\\":\\\\","A" : ":"}',
    '{"__proto__":{"a":1},"constructor":2}',
    '{"2":1,"1":1}',
  ])('sees none in %s', (json) => {
    expect(repeatsMember(json)).toBe(false);
  });

  it('reads long strings', () => {
    expect(repeatsMember(JSON.stringify({ a: '\\":x'.repeat(1_000_000) }))).toBe(false);
  });
});
