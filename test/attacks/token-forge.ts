import { createHmac, createSign, generateKeyPairSync, type KeyObject, sign as signWith } from 'node:crypto';
import { createTestKeys, type TestKeys, usableClaims } from '../support/tokens.js';

export type Members = Record<string, unknown>;

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'ingester';
/** The `kid` of the one key that verifies tokens. */
export const KID = 'main';

/** Signs `header.payload`, and gives the signature in base64url. */
type Signer = (input: string) => string;

/** Keys whose tokens must not be taken. */
interface OtherKeys {
  /** Published for something else. */
  readonly unfit: TestKeys;
  /** Published, and too short. */
  readonly weak: TestKeys;
  /** Published by nobody. */
  readonly stranger: TestKeys;
}

/** All the keys that a token may be signed with, and the tokens that can be made with them. */
export class TokenForge {
  readonly elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  private constructor(
    /** The key of the issuer. */
    readonly keys: TestKeys,
    readonly others: OtherKeys,
    /** A server of the attacker, which nobody may ask. */
    readonly attackerUrl: string,
  ) {}

  static async make(attackerUrl: string): Promise<TokenForge> {
    const [keys, unfit, weak, stranger] = await Promise.all([
      createTestKeys(),
      createTestKeys(),
      createTestKeys(1024),
      createTestKeys(),
    ]);
    return new TokenForge(keys, { unfit, weak, stranger }, attackerUrl);
  }

  /** What the issuer publishes: its key, and such as must verify nothing. */
  jwks(): string {
    const elliptic = this.elliptic.publicKey.export({ format: 'jwk' });
    return JSON.stringify({
      keys: [
        this.keys.jwk({ kid: KID }),
        this.others.unfit.jwk({ kid: 'encryption', use: 'enc' }),
        this.others.unfit.jwk({ kid: 'rs512', alg: 'RS512' }),
        this.others.weak.jwk({ kid: 'weak' }),
        { ...elliptic, kid: 'elliptic', use: 'sig' },
        { kty: 'oct', kid: 'symmetric', k: Buffer.from('secret').toString('base64url'), alg: 'HS256' },
      ],
    });
  }

  /** A token of the issuer, good for everything, with `claims` and `header` over what it usually has. */
  good(claims: Members = {}, header: Members = {}): string {
    return this.sealed(json(goodClaims(claims)), header);
  }

  /** One of the issuer around a payload that is text as it stands. */
  sealed(payload: string, header: Members = {}): string {
    return assemble(json({ alg: 'RS256', typ: 'JWT', kid: KID, ...header }), payload, byRsa(this.keys));
  }

  /** One whose header is text as it stands, signed by the issuer. */
  underHeader(header: string): string {
    return assemble(header, json(goodClaims()), byRsa(this.keys));
  }

  /** A token with good claims that somebody else signed, in his own way. */
  forged(header: Members, signer: Signer): string {
    return assemble(json({ typ: 'JWT', kid: KID, ...header }), json(goodClaims()), signer);
  }
}

/** Claims of an administrator, so that a token that passes opens everything. */
export function goodClaims(claims: Members = {}): Members {
  return usableClaims({ iss: ISSUER, aud: AUDIENCE, role: 'admin', ...claims });
}

export function assemble(header: string, payload: string, signer: Signer): string {
  const input = [header, payload].map((part) => Buffer.from(part).toString('base64url')).join('.');
  return `${input}.${signer(input)}`;
}

export const json = (value: unknown): string => JSON.stringify(value);

export const unsigned: Signer = () => '';

export function byHmac(secret: string | Buffer): Signer {
  return (input) => createHmac('sha256', secret).update(input).digest('base64url');
}

export function byRsa(keys: TestKeys, algorithm = 'RSA-SHA256', options: Members = {}): Signer {
  return (input) =>
    createSign(algorithm)
      .update(input)
      .sign({ key: keys.privateKey, ...options }, 'base64url');
}

export function byElliptic(key: KeyObject): Signer {
  return (input) =>
    signWith('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
}
