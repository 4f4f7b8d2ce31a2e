import { describe, expect, it } from '@jest/globals';
import { parseEnvironment } from '../../test/support/parse-environment.js';

const issuer = { OIDC_CLIENT_ID: 'pages', JWT_ISSUER: 'https://login.example/realms/a' };

const parse = (variables: Record<string, string>) => parseEnvironment({ NODE_ENV: 'test', ...variables });

describe('signing in', () => {
  it('needs a client and the issuer of the tokens alone', () => {
    expect(parse(issuer)).toMatchObject({ ...issuer, OIDC_SCOPE: 'openid', OIDC_ORIGINS: [] });
  });

  it('may name a scope, a resource, and further origins', () => {
    const more = { OIDC_SCOPE: 'openid api://a/.default', OIDC_RESOURCE: 'urn:a' };
    expect(parse({ ...issuer, ...more, OIDC_ORIGINS: 'https://a.example, http://[::1]:8080' })).toMatchObject(
      { ...more, OIDC_ORIGINS: ['https://a.example', 'http://[::1]:8080'] },
    );
  });

  it.each([
    '*',
    'login',
    'ftp://login.example',
    'https://a.example/?a=b',
    'https://a@b.example',
    'https://a;b',
  ])('is refused with the issuer %s, which is fine where nobody signs in', (JWT_ISSUER) => {
    expect(() => parse({ ...issuer, JWT_ISSUER })).toThrow(
      /JWT_ISSUER: must be the http or https URL of the OpenID provider, since OIDC_CLIENT_ID is set$/,
    );
    expect(() => parse({ JWT_ISSUER })).not.toThrow();
  });

  it('is refused without an issuer', () => {
    expect(() => parse({ OIDC_CLIENT_ID: 'pages' })).toThrow('JWT_ISSUER: must be the http or https URL');
  });

  it.each([
    ['OIDC_SCOPE', 'openid'],
    ['OIDC_RESOURCE', 'https://a.example'],
    ['OIDC_ORIGINS', 'https://a.example'],
  ])('is refused without a client where there is %s', (name, value) => {
    expect(() => parse({ [name]: value })).toThrow(`OIDC_CLIENT_ID: is required, since ${name} is set`);
  });

  it.each([
    ['OIDC_SCOPE', 'a  b'],
    ['OIDC_SCOPE', 'a "b"'],
    ['OIDC_RESOURCE', 'files'],
    ['OIDC_RESOURCE', 'https://a.example/#b'],
    ['OIDC_ORIGINS', 'https://a.example/'],
    ['OIDC_ORIGINS', 'https://a.example:443'],
    ['OIDC_ORIGINS', "https://a.example;script-src'unsafe-inline'"],
    ['OIDC_ORIGINS', '*'],
  ])('does not take %s=%s', (name, value) => {
    expect(() => parse({ ...issuer, [name]: value })).toThrow(new RegExp(`\\n  ${name}\\S*: must`));
  });
});
