import { describe, expect, it } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { parseRsaPublicKeys } from './rsa-public-key.js';

const LEAF = `
-----BEGIN CERTIFICATE-----
MIIB0TCCAXcCAQEwCgYIKoZIzj0EAwIwDTELMAkGA1UEAwwCY2EwIBcNMjYxMTI5
MTk1NDA2WhgPMjEyNjExMDUxOTU0MDZaMA8xDTALBgNVBAMMBGxlYWYwggEiMA0G
CSqGSIb3DQEBAQUAA4IBDwAwggEKAoIBAQCkbHYv0Agetw5/YTyil0qPymXEPpGK
ENX8tT+phHe/0PF6oNW9ivnHZpspjhISg3a6NvLXwiDZeyg44k9vKMwh9IKkT1bq
1dY6sor9Ip28atTU1NUTvotD/aEV5L6wViCD96tkdXoLSb0esVtnWaJxgvcM5onC
rLsenTF+veCG25DoOGXXDIGTujCzUY+DElJjkgdsiFAQ6BAJrV1ILlIQMTPcbVVV
l9w+X4DS58mE8jtektwaRuB0E/lz6bgpFVM95kx2KrjP2colOEuuuUjugsCrgpTI
v9sibvoHimx7erKdWbEVjSrGawBBpCcs1nkPoUkxy/nqmqpHL0OFHtrPAgMBAAEw
CgYIKoZIzj0EAwIDSAAwRQIhAIg6nI8DfxNuiW5Hr0fWVKj8iciv4lgwuxKeqXVi
bL0YAiBFofn9U0UnXSy8IXbtXqMhlxh7NIfQ6HMakuCDrqa1cA==
-----END CERTIFICATE-----
`;
/** Has issued LEAF. */
const ISSUER = `
-----BEGIN CERTIFICATE-----
MIIBcDCCARegAwIBAgIULGlSi6bA6F8mr89crbU/gsgH3rkwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI5MTk1NDA0WhgPMjEyNjExMDUxOTU0MDRa
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEvGgBigU
3USd2TjfJWMQDnJU8rg5CWKdh4dNypg+IbqwpEgEGczOQiiqoFdcihTqY4oEUrLS
dR1GrfknOm41IqNTMFEwHQYDVR0OBBYEFM0aglaVuUjyeC5ynx9aqaOVuaKMMB8G
A1UdIwQYMBaAFM0aglaVuUjyeC5ynx9aqaOVuaKMMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDRwAwRAIgKDX/KHtzun6uBIa6PIsOu2C4jxXZ2YYHJKgKEepN
O+YCIB7Dj89rMDYeLfiHfTOHRJ6MaIUTQTqgl4cG/jVbw6bL
-----END CERTIFICATE-----
`;

describe('parseRsaPublicKeys', () => {
  it('takes the key of a certificate, and not those of its chain, in whatever order', () => {
    const { publicKey } = new X509Certificate(LEAF);
    for (const pem of [LEAF, LEAF + ISSUER, `\ufeff${ISSUER}${LEAF}`.replaceAll('\n', '\r\n'), LEAF + LEAF]) {
      const keys = parseRsaPublicKeys(pem);
      expect([keys.length, keys[0]?.equals(publicKey)]).toEqual([1, true]);
    }
  });

  it.each([
    ['no PEM', '', 'it holds no PEM public key'],
    ['a PEM block that is empty', LEAF.replace(/\n[^-]+\n/, '\n'), 'it holds no PEM public key'],
    ['another kind of key', ISSUER, 'it is not an RSA key'],
    ['a block without its end', LEAF + LEAF.slice(0, 200), 'a key in it is cut off'],
  ])('refuses %s', (_, pem, problem) => {
    expect(() => parseRsaPublicKeys(pem)).toThrow(problem);
  });
});
