import { describe, expect, it } from '@jest/globals';
import { parseTokenArguments } from './token-arguments.js';

describe('parseTokenArguments', () => {
  it('asks for a subject only', () => {
    expect(parseTokenArguments(['--sub', 'alice'])).toEqual({
      subject: 'alice',
      roles: [],
      scopes: [],
      ttlSeconds: 3600,
    });
  });

  it('takes several roles and scopes', () => {
    const args = '--sub a --role user --role admin --scope files:write --scope admin:read --ttl 60'.split(
      ' ',
    );
    expect(parseTokenArguments(args)).toEqual({
      subject: 'a',
      roles: ['user', 'admin'],
      scopes: ['files:write', 'admin:read'],
      ttlSeconds: 60,
    });
  });

  it.each([
    [[], /--sub is required/],
    [['--sub', ' '], /--sub is required/],
    [['--sub'], /--sub/],
    [['--sub', 'a', '--ttl', '0'], /--ttl/],
    [['--sub', 'a', '--ttl', '1h'], /--ttl/],
    [['--sub', 'a', '--user', 'b'], /--user/],
    [['alice'], /alice/],
  ])('says what is wrong with %j, and how it is done', (args, problem) => {
    expect(() => parseTokenArguments(args)).toThrow(problem);
    expect(() => parseTokenArguments(args)).toThrow(/Usage: npm run -s token/);
  });
});
