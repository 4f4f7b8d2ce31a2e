import { createSign, generateKeyPair, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

type Members = Record<string, unknown>;

/** An RSA pair that lives for one test, and the tokens it can sign. */
export interface TestKeys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly publicKeyPem: string;
  /** Writes the public key into the folder `dir`. @returns the path for `JWT_PUBLIC_KEY_FILE`. */
  publicKeyFile(dir: string): Promise<string>;
  /** The public key as a member of a JWKS. */
  jwk(members?: Members): Members;
  /** Signs a token that is good for an hour and an upload; `claims` and `header` replace or, as undefined, remove. */
  sign(claims?: Members, header?: Members): Promise<string>;
}

/** Makes an RSA pair of `bits` bits. */
export async function createTestKeys(bits = 2048): Promise<TestKeys> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: bits });
  const publicKeyPem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return {
    publicKey,
    privateKey,
    publicKeyPem,
    publicKeyFile: async (dir) => {
      const path = join(dir, 'public.pem');
      await writeFile(path, publicKeyPem);
      return path;
    },
    jwk: (members) => ({ ...publicKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig', ...members }),
    sign: (claims, header) =>
      Promise.resolve(
        assembleToken({ alg: 'RS256', typ: 'JWT', ...header }, usableClaims(claims), (input) =>
          createSign('RSA-SHA256').update(input).sign(privateKey, 'base64url'),
        ),
      ),
  };
}

/** Claims of a caller who may upload, with `claims` over them. */
export function usableClaims(claims: Members = {}): Members {
  const now = Math.floor(Date.now() / 1000);
  return { sub: 'alice', role: 'user', iat: now, exp: now + 3600, ...claims };
}

/** Puts a token together from any header, payload and signature, however wrong; attacks need that. */
export function assembleToken(header: unknown, payload: unknown, sign: (input: string) => string): string {
  const input = [header, payload].map((part) => base64url(JSON.stringify(part))).join('.');
  return `${input}.${sign(input)}`;
}

function base64url(value: string): string {
  return Buffer.from(value).toString('base64url');
}
