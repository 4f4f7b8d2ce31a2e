import { describe, expect, it } from '@jest/globals';
import { relaxedRules } from './relaxed-rules.js';

const STRICT = {
  NODE_ENV: 'production',
  JWT_ISSUER: 'https://login.example',
  JWT_AUDIENCE: 'ingester',
  PLAIN_HTTP_HOSTS: [],
} as const;
const LAX = { JWT_ISSUER: undefined, JWT_AUDIENCE: undefined, PLAIN_HTTP_HOSTS: ['se-01', 'se-02'] };

describe('relaxedRules', () => {
  it('names each rule that production does without', () => {
    expect(relaxedRules({ ...STRICT, ...LAX })).toEqual([
      'JWT_ISSUER=*: whoever issues a token, it is taken if one of our keys verifies it.',
      'JWT_AUDIENCE=*: tokens that were issued for other services are taken.',
      'PLAIN_HTTP_HOSTS=se-01,se-02: secrets that go there over http can be read on the way.',
    ]);
  });

  it('says nothing where all hold, and outside production', () => {
    expect(relaxedRules(STRICT)).toEqual([]);
    expect(relaxedRules({ ...LAX, NODE_ENV: 'development' })).toEqual([]);
  });
});
