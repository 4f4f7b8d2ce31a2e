import { describe, expect, it } from '@jest/globals';
import { validate, version } from 'uuid';
import { randomHex, uuidV7 } from './random-ids.js';

describe('random ids', () => {
  it('are UUIDs of version 7 that begin with the time', () => {
    const before = Date.now();
    const id = uuidV7();
    expect(validate(id)).toBe(true);
    expect(version(id)).toBe(7);
    const madeAt = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16);
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(madeAt).toBeLessThanOrEqual(Date.now());
  });

  it('do not repeat over many refills of the pool', () => {
    const ids = Array.from({ length: 5_000 }, () => [uuidV7(), randomHex(8), randomHex(16)]).flat();
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('have the length asked for', () => {
    expect(randomHex(8)).toMatch(/^[0-9a-f]{16}$/);
    expect(randomHex(16)).toMatch(/^[0-9a-f]{32}$/);
  });
});
