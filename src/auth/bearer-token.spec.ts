import { describe, expect, it } from '@jest/globals';
import { readBearerToken } from './bearer-token.js';

describe('readBearerToken', () => {
  it('finds the token, whatever the case of name and scheme', () => {
    expect(readBearerToken(['Host', 'x', 'aUTHORIZATION', 'bEARER  a.b-_~+/.c=='])).toEqual({
      token: 'a.b-_~+/.c==',
    });
  });

  it('takes no value for a name', () => {
    expect(readBearerToken(['X-Name', 'authorization', 'Bearer a.b.c', 'x'])).toEqual({
      refusal: 'There is no Authorization header',
    });
  });

  it('refuses two headers, in any case', () => {
    expect(readBearerToken(['Authorization', 'Bearer a', 'authorization', 'Bearer a'])).toEqual({
      refusal: 'There is more than one Authorization header',
    });
  });

  it('refuses what is longer than 16 KiB without a look at it', () => {
    expect(readBearerToken(['Authorization', `Bearer ${'x'.repeat(16_384)}`])).toEqual({
      refusal: 'The Authorization header is too long',
    });
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a,b',
    'Basic a',
    ' Bearer a',
    'Bearer a ',
    'Bearer\ta',
  ])('finds no token in %j', (value) => {
    expect(readBearerToken(['Authorization', value])).toEqual({
      refusal: 'The Authorization header holds no Bearer token',
    });
  });
});
