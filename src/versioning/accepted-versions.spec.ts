import { describe, expect, it } from '@jest/globals';
import { acceptedVersions } from './accepted-versions.js';

const versions = (accept: string | undefined) =>
  acceptedVersions(accept).map(({ version }) => version ?? 'any');

describe('acceptedVersions', () => {
  it.each([
    ['application/vnd.ingester.v1+json', ['1']],
    ['Application/VND.Ingester.v1+JSON ; charset=utf-8', ['1']],
    ['application/json;version=1', ['1']],
    ['application/json; Version="2"', ['2']],
    ['application/json; charset=utf-8; version = 2', ['2']],
    ['application/vnd.ingester.v1+json, application/vnd.ingester.v2+json;q=0.5', ['1', '2']],
    ['application/vnd.ingester.v1+json;q=0.5, application/vnd.ingester.v2+json', ['2', '1']],
  ])('reads the versions of %s, the most wanted first', (accept, expected) => {
    expect(versions(accept)).toEqual(expected);
  });

  it.each([
    ['application/vnd.ingester.v9+json, */*;q=0.1', ['9', 'any']],
    ['*/*, application/vnd.ingester.v1+json', ['1', 'any']],
    ['application/json, application/vnd.ingester.v1+json;q=0.9', ['any', '1']],
    ['application/*, application/json;version=1;q=0.2', ['any', '1']],
  ])('counts ranges that take any version of %s', (accept, expected) => {
    expect(versions(accept)).toEqual(expected);
  });

  it.each([
    ['application/vnd.ingester.v1+json;q=0, application/vnd.ingester.v2+json', ['2']],
    ['application/vnd.ingester.v1+json;q=much, application/vnd.ingester.v2+json', ['2']],
    ['text/html, application/vnd.ingester.v2+json', ['2']],
    ['application/vnd.ingester.vx+json, application/vnd.ingester.v2+json', ['2']],
  ])('drops what is refused, malformed or not our JSON in %s', (accept, expected) => {
    expect(versions(accept)).toEqual(expected);
  });

  it.each([undefined, '', '*/*', 'application/json', 'text/html;version=3', ',;=,'])(
    'finds no wish for a version in %s',
    (accept) => {
      expect(versions(accept)).toEqual([]);
    },
  );

  it('reads a header of the largest size in a moment', () => {
    const begun = process.cpuUsage();
    acceptedVersions(`application/json;version${' '.repeat(8_000)}=${'"'.repeat(8_000)}x`);
    acceptedVersions('application/json;version=1,'.repeat(600));
    expect(process.cpuUsage(begun).user).toBeLessThan(200_000);
  });
});
