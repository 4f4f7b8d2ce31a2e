import { describe, expect, it } from '@jest/globals';
import { ExpressAdapter } from '@nestjs/platform-express';
import { parseEnvironment } from '../../test/support/parse-environment.js';

const parse = (TRUSTED_PROXIES: string): string[] => parseEnvironment({ TRUSTED_PROXIES }).TRUSTED_PROXIES;

describe('TRUSTED_PROXIES', () => {
  it('is empty by default', () => {
    expect(parseEnvironment({}).TRUSTED_PROXIES).toEqual([]);
  });

  it.each([
    'loopback, linklocal,uniquelocal',
    '10.0.0.1,10.0.0.0/8',
    '192.0.2.1/32',
    '2001:db8::1,2001:db8::/32,::1/128',
    '::ffff:10.0.0.1',
  ])('takes what Express takes: %s', (given) => {
    const proxies = parse(given);
    expect(proxies).toEqual(given.split(',').map((proxy) => proxy.trim()));
    expect(() => new ExpressAdapter().set('trust proxy', proxies)).not.toThrow();
  });

  it.each(['1', 'true', '*', 'proxy.example', '10.0.0.0/33', '10.0.0.256', '10.0.0.0/255.0.0.0', 'Loopback'])(
    'names what is no proxy: %s',
    (proxy) => {
      expect(() => parse(`loopback,${proxy}`)).toThrow(
        `TRUSTED_PROXIES[1]: must be addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal, got "${proxy}"`,
      );
    },
  );

  it.each(['0.0.0.0/0', '::/0'])('does not take everybody for a proxy: %s', (network) => {
    expect(() => parse(network)).toThrow('TRUSTED_PROXIES[0]: must not trust every address');
  });
});
