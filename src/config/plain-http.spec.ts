import { describe, expect, it } from '@jest/globals';
import { plainHttpProblems } from './plain-http.js';
import { storageDrivers } from '../../test/support/parse-environment.js';

const problem = (name: string, host: string): string =>
  `${name}: must be https with NODE_ENV=production, unless PLAIN_HTTP_HOSTS names ${host}`;

const elementAt = (url: string): string => JSON.stringify([{ driver: 'local' }, { driver: 'http', url }]);

describe('plainHttpProblems', () => {
  it('names every URL that a secret would be sent to in clear text, and that of the keys', () => {
    expect(
      plainHttpProblems(
        {
          JWT_JWKS_URL: 'http://keys.example/jwks.json',
          SERVICE_TOKEN_URL: 'HTTP://Tokens.Example/token',
          ADMIN_URL: 'http://10.0.0.7:8000',
          STORAGE_ELEMENTS: elementAt('http://se-01:8010'),
        },
        storageDrivers,
      ),
    ).toEqual([
      problem('JWT_JWKS_URL', 'keys.example'),
      problem('SERVICE_TOKEN_URL', 'tokens.example'),
      problem('ADMIN_URL', '10.0.0.7'),
      problem('STORAGE_ELEMENTS[1].url', 'se-01'),
    ]);
  });

  it.each([
    'https://tokens.example',
    'http://localhost:1',
    'http://127.0.0.1',
    'http://127.1',
    'http://[::1]:80',
  ])('takes %s', (url) => {
    expect(
      plainHttpProblems({ SERVICE_TOKEN_URL: url, STORAGE_ELEMENTS: elementAt(url) }, storageDrivers),
    ).toEqual([]);
  });

  it.each([
    ['http://127.0.0.1.evil.example', '127.0.0.1.evil.example'],
    ['http://localhost.evil.example', 'localhost.evil.example'],
    ['http://127.evil.example', '127.evil.example'],
    ['http://localhost@evil.example', 'evil.example'],
    ['http://0.0.0.0', '0.0.0.0'],
    ['http://[::ffff:10.0.0.1]', '[::ffff:a00:1]'],
  ])('does not take %s for this machine', (url, host) => {
    expect(plainHttpProblems({ SERVICE_TOKEN_URL: url }, storageDrivers)).toEqual([
      problem('SERVICE_TOKEN_URL', host),
    ]);
  });

  it('names the collector of traces where headers are sent to it', () => {
    const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://otel:4318';
    expect(plainHttpProblems({ OTEL_EXPORTER_OTLP_ENDPOINT }, storageDrivers)).toEqual([]);
    const given = { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=secret' };
    expect(plainHttpProblems(given, storageDrivers)).toEqual([
      problem('OTEL_EXPORTER_OTLP_ENDPOINT', 'otel'),
    ]);
  });

  it('names where people sign in, and no issuer that is only compared', () => {
    const JWT_ISSUER = 'http://login.example';
    expect(plainHttpProblems({ JWT_ISSUER }, storageDrivers)).toEqual([]);
    const given = {
      JWT_ISSUER,
      OIDC_CLIENT_ID: 'pages',
      OIDC_ORIGINS: 'https://a.example, http://b.example',
    };
    expect(plainHttpProblems(given, storageDrivers)).toEqual([
      problem('JWT_ISSUER', 'login.example'),
      problem('OIDC_ORIGINS', 'b.example'),
    ]);
  });

  it('takes the hosts that are named, in any case and at any port, and no others', () => {
    const given = {
      SERVICE_TOKEN_URL: 'http://tokens.example',
      STORAGE_ELEMENTS: elementAt('http://SE-01:8010'),
    };
    expect(
      plainHttpProblems({ ...given, PLAIN_HTTP_HOSTS: 'se-01, Tokens.example' }, storageDrivers),
    ).toEqual([]);
    expect(plainHttpProblems({ ...given, PLAIN_HTTP_HOSTS: 'Se-01' }, storageDrivers)).toEqual([
      problem('SERVICE_TOKEN_URL', 'tokens.example'),
    ]);
    expect(plainHttpProblems({ ...given, PLAIN_HTTP_HOSTS: '*' }, storageDrivers)).toEqual([]);
  });

  it('leaves what is no URL to the check of the variable', () => {
    expect(
      plainHttpProblems({ SERVICE_TOKEN_URL: 'tokens', STORAGE_ELEMENTS: '[{' }, storageDrivers),
    ).toEqual([]);
  });
});
