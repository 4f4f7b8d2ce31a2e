import { describe, expect, it } from '@jest/globals';
import { combinedProblems } from './combined-rules.js';
import { storageDrivers } from '../../test/support/parse-environment.js';

const credentials = {
  SERVICE_TOKEN_URL: 'https://tokens.example/token',
  SERVICE_CLIENT_ID: 'ingester',
  SERVICE_CLIENT_SECRET: 'secret',
};

const production = {
  NODE_ENV: 'production',
  JWT_PUBLIC_KEY_FILE: '/keys/public.pem',
  JWT_ISSUER: 'https://login.example',
  JWT_AUDIENCE: 'ingester',
  STORAGE_ELEMENTS: '[{"id":"a","driver":"local","mode":"edit","path":"/files"}]',
};

const httpElement = '[{"id":"a","driver":"http","mode":"edit","url":"https://se.example"}]';

describe('in production', () => {
  it('a key, issuer and audience, storage elements and no SKIP_AUTH are enough', () => {
    expect(combinedProblems(production, storageDrivers)).toEqual([]);
  });

  it('nothing set names all that is missing', () => {
    expect(combinedProblems({ NODE_ENV: 'production' }, storageDrivers)).toEqual([
      'JWT_PUBLIC_KEY_FILE or JWT_JWKS_URL: one is required with NODE_ENV=production',
      'STORAGE_ELEMENTS: is required with NODE_ENV=production',
      'JWT_ISSUER: is required with NODE_ENV=production; * takes any',
      'JWT_AUDIENCE: is required with NODE_ENV=production; * takes any',
    ]);
  });

  it.each(['JWT_ISSUER', 'JWT_AUDIENCE'])('%s is asked for alone, and may be a star', (name) => {
    expect(combinedProblems({ ...production, [name]: '' }, storageDrivers)).toEqual([
      `${name}: is required with NODE_ENV=production; * takes any`,
    ]);
    expect(combinedProblems({ ...production, [name]: '*' }, storageDrivers)).toEqual([]);
  });

  it('a secret over http is refused, and outside production it is not', () => {
    const plain = { ...production, JWT_PUBLIC_KEY_FILE: undefined, JWT_JWKS_URL: 'http://keys.example' };
    expect(combinedProblems(plain, storageDrivers)).toEqual([
      'JWT_JWKS_URL: must be https with NODE_ENV=production, unless PLAIN_HTTP_HOSTS names keys.example',
    ]);
    expect(combinedProblems({ ...plain, NODE_ENV: 'test' }, storageDrivers)).toEqual([]);
  });

  it('a JWKS endpoint is as good as a key file', () => {
    const withJwks = { ...production, JWT_PUBLIC_KEY_FILE: undefined, JWT_JWKS_URL: 'https://keys.example' };
    expect(combinedProblems(withJwks, storageDrivers)).toEqual([]);
  });

  it.each(['true', 'TRUE', '1', 'yes', 'on', 'anything'])('SKIP_AUTH=%s is refused', (value) => {
    expect(combinedProblems({ ...production, SKIP_AUTH: value }, storageDrivers)).toEqual([
      'SKIP_AUTH: is not allowed with NODE_ENV=production',
    ]);
  });

  it.each(['false', 'FALSE', '0', 'no', 'off'])('SKIP_AUTH=%s is taken', (value) => {
    expect(combinedProblems({ ...production, SKIP_AUTH: value }, storageDrivers)).toEqual([]);
  });

  it('an element behind HTTP needs all three credentials', () => {
    expect(combinedProblems({ ...production, STORAGE_ELEMENTS: httpElement }, storageDrivers)).toEqual(
      Object.keys(credentials).map((name) => `${name}: is required for storage elements with driver "http"`),
    );
    expect(
      combinedProblems({ ...production, STORAGE_ELEMENTS: httpElement, ...credentials }, storageDrivers),
    ).toEqual([]);
  });

  it('an element behind HTTP is found also where something else about it is wrong', () => {
    const wrong = { ...production, STORAGE_ELEMENTS: '[{"driver":"local"},{"driver":"http","mode":"?"}]' };
    expect(combinedProblems(wrong, storageDrivers)).toHaveLength(3);
  });

  it('elements that cannot be read ask for no credentials', () => {
    expect(combinedProblems({ ...production, STORAGE_ELEMENTS: '[{' }, storageDrivers)).toEqual([]);
    expect(
      combinedProblems({ ...production, STORAGE_ELEMENTS: '{"driver":"http"}' }, storageDrivers),
    ).toEqual([]);
  });
});

describe('in every mode', () => {
  it.each(['development', 'test', 'production'])('%s takes no key file together with JWKS', (mode) => {
    const both = { ...production, NODE_ENV: mode, JWT_JWKS_URL: 'https://keys.example' };
    expect(combinedProblems(both, storageDrivers)).toEqual([
      'JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL: set one of the two, not both',
    ]);
  });

  it('half of the credentials names the other half', () => {
    const half = { SERVICE_TOKEN_URL: credentials.SERVICE_TOKEN_URL };
    expect(combinedProblems(half, storageDrivers)).toEqual([
      'SERVICE_CLIENT_ID: is required, since others of SERVICE_TOKEN_URL, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET are set',
      'SERVICE_CLIENT_SECRET: is required, since others of SERVICE_TOKEN_URL, SERVICE_CLIENT_ID, SERVICE_CLIENT_SECRET are set',
    ]);
  });

  it('the Admin module needs all three credentials', () => {
    const admin = { ADMIN_URL: 'https://admin.example' };
    expect(combinedProblems(admin, storageDrivers)).toEqual(
      Object.keys(credentials).map((name) => `${name}: is required, since ADMIN_URL is set`),
    );
    expect(combinedProblems({ ...admin, SERVICE_CLIENT_ID: 'ingester' }, storageDrivers)).toHaveLength(2);
    expect(combinedProblems({ ...admin, ...credentials }, storageDrivers)).toEqual([]);
  });

  it('outside production nothing is required', () => {
    expect(combinedProblems({ SKIP_AUTH: 'true', STORAGE_ELEMENTS: httpElement }, storageDrivers)).toEqual(
      [],
    );
  });
});

it.each([
  ['11', '10', 1],
  ['10', '10', 0],
  ['11', '0', 0],
  ['11', undefined, 0],
  [undefined, '10', 0],
])('at least %s and at most %s bytes in one request are %d problems', (min, max, problems) => {
  const given = { RESUMABLE_MIN_APPEND_BYTES: min, RESUMABLE_MAX_APPEND_BYTES: max };
  expect(combinedProblems(given, storageDrivers)).toHaveLength(problems);
});
