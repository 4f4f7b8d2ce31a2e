import {
  assemble,
  byElliptic,
  byHmac,
  byRsa,
  goodClaims,
  json,
  KID,
  type Members,
  type TokenForge,
  unsigned,
} from './token-forge.js';

/** A token, and how the service has to answer whoever brings it. */
export type TokenRow = readonly [name: string, token: (forge: TokenForge) => string];

const row = (name: string, token: (forge: TokenForge) => string): TokenRow => [name, token];

/** RFC 8725, section 3.1 and 3.2: the algorithm is ours to choose. */
const ALGORITHMS: TokenRow[] = [
  row('alg none', (forge) => forge.forged({ alg: 'none' }, unsigned)),
  row('alg none with a signature', (forge) => forge.forged({ alg: 'none' }, byRsa(forge.keys))),
  row('alg nOnE', (forge) => forge.forged({ alg: 'nOnE' }, unsigned)),
  row('RS256 without a signature', (forge) => forge.forged({ alg: 'RS256' }, unsigned)),
  row('alg none behind RS256', () => headless('"alg":"RS256","alg":"none"')),
  row('alg RS256 behind none, unsigned', () => headless('"alg":"none","alg":"RS256"')),
  row('HS256 with the PEM as secret', (forge) => hs256(forge, forge.keys.publicKeyPem)),
  row('HS256 with the trimmed PEM as secret', (forge) => hs256(forge, forge.keys.publicKeyPem.trim())),
  row('HS256 with the modulus as secret', (forge) => hs256(forge, modulus(forge))),
  row('HS256 with the key set as secret', (forge) => hs256(forge, forge.jwks())),
  row('HS256 with a secret of the key set', (forge) => hs256(forge, 'secret', { kid: 'symmetric' })),
  row('HS256 with no secret', (forge) => hs256(forge, '')),
  row('HMAC under RS256', (forge) => forge.forged({ alg: 'RS256' }, byHmac(forge.keys.publicKeyPem))),
  row('RS384 of the right key', (forge) => forge.forged({ alg: 'RS384' }, byRsa(forge.keys, 'RSA-SHA384'))),
  row('RS512 of the right key', (forge) => forge.forged({ alg: 'RS512' }, byRsa(forge.keys, 'RSA-SHA512'))),
  row('SHA-1 under RS256', (forge) => forge.forged({ alg: 'RS256' }, byRsa(forge.keys, 'RSA-SHA1'))),
  row('PS256 of the right key', (forge) =>
    forge.forged({ alg: 'PS256' }, byRsa(forge.keys, 'RSA-SHA256', { padding: 6, saltLength: 32 })),
  ),
  row('ES256 of a key of the set', (forge) => es256(forge, { alg: 'ES256', kid: 'elliptic' })),
  row('ES256 with its key in the header', (forge) =>
    es256(forge, { alg: 'ES256', jwk: forge.elliptic.publicKey.export({ format: 'jwk' }) }),
  ),
  row('ES256 under RS256', (forge) => es256(forge, { alg: 'RS256', kid: 'elliptic' })),
];

/** RFC 8725, sections 3.5 and 3.10: the key is ours to choose, and what a header says of it is not believed. */
const KEYS: TokenRow[] = [
  row('a key of a stranger', (forge) => stranger(forge)),
  row('a jwk in the header', (forge) => stranger(forge, { jwk: forge.others.stranger.jwk() })),
  row('a jwk in the header, and no kid', (forge) =>
    stranger(forge, { jwk: forge.others.stranger.jwk(), kid: undefined }),
  ),
  row('a jku', (forge) => stranger(forge, { jku: `${forge.attackerUrl}/jwks.json` })),
  row('a jku on a token of the issuer', (forge) => forge.good({}, { jku: forge.attackerUrl })),
  row('an x5u', (forge) => stranger(forge, { x5u: `${forge.attackerUrl}/chain.pem` })),
  row('an x5u to a file', (forge) => stranger(forge, { x5u: 'file:///etc/passwd' })),
  row('an x5c', (forge) => stranger(forge, { x5c: [certificate(forge)] })),
  row('an x5c on a token of the issuer', (forge) => forge.good({}, { x5c: [certificate(forge)] })),
  row('an x5t', (forge) => stranger(forge, { x5t: 'AAAA', 'x5t#S256': 'AAAA' })),
  row('a key that is too short', (forge) => signedBy(forge.others.weak, { kid: 'weak' })),
  row('a key for encryption', (forge) => signedBy(forge.others.unfit, { kid: 'encryption' })),
  row('a key for RS512', (forge) => signedBy(forge.others.unfit, { kid: 'rs512' })),
  ...[
    '../../../../dev/null',
    '/dev/null',
    "x' UNION SELECT 'secret' -- ",
    '$(id)',
    '__proto__',
    '',
    KID + '\0',
  ].map((kid) => row(`the kid ${json(kid)} with an empty secret`, (forge) => hs256(forge, '', { kid }))),
  ...['../../keys/public.pem', "' OR '1'='1", 'constructor', 'MAIN', 'ｍａｉｎ', `${KID}\u200b`].map((kid) =>
    row(`the kid ${json(kid)} on a token of the issuer`, (forge) => forge.good({}, { kid })),
  ),
  ...[[KID], { $ne: null }, 0, null, true].map((kid) =>
    row(`the kid ${json(kid)}`, (forge) => forge.good({}, { kid })),
  ),
];

/** RFC 7515, sections 4.1.11, 7.2 and 10.12, RFC 7516, RFC 7797: what looks like such a token and is none. */
const SHAPES: TokenRow[] = [
  row('crit that names what is there', (forge) => forge.good({}, { crit: ['exp'], exp: 1 })),
  row('crit that names nothing', (forge) => forge.good({}, { crit: [] })),
  row('crit b64', (forge) => forge.good({}, { crit: ['b64'], b64: false })),
  row('a JWT in a JWT', (forge) => forge.sealed(forge.good(), { cty: 'JWT' })),
  row('a JWT in a JWT, as a string', (forge) => forge.sealed(json(forge.good()), { cty: 'JWT' })),
  row('an encrypted JWT', (forge) => `${forge.good()}.AAAA.AAAA`),
  row('JSON serialization', (forge) => Buffer.from(json(serialized(forge))).toString('base64url')),
  row('a payload that is null', (forge) => forge.sealed('null')),
  row('a payload that is a list', (forge) => forge.sealed(json([goodClaims()]))),
  row('a payload that is cut off', (forge) => forge.sealed(json(goodClaims()).slice(0, -1))),
  row('a payload with a byte order mark', (forge) => forge.sealed(`\ufeff${json(goodClaims())}`)),
  row('a payload of 5000 lists, unsigned', () =>
    assemble(json({ alg: 'RS256', kid: KID }), nested(), unsigned),
  ),
  row('a header of 5000 lists', (forge) => forge.underHeader('['.repeat(5_000) + ']'.repeat(5_000))),
  row('a header that is no object', (forge) => forge.underHeader('"RS256"')),
  row('a signature without its last byte', (forge) => forge.good().slice(0, -2)),
  row('half a signature', (forge) => forge.good().slice(0, -171)),
  row('a signature with a byte more', (forge) => `${forge.good()}AA`),
  row('a signature of zeros', (forge) => forge.forged({ alg: 'RS256' }, () => 'A'.repeat(342))),
  row('a signature with padding', (forge) => `${forge.good()}==`),
  row('a payload with padding', (forge) => parts(forge, ([head, body, end]) => `${head}.${body}=.${end}`)),
  row('a signature in the other base64', (forge) =>
    parts(forge, ([head, body, end = '']) => `${head}.${body}.${end.replace(/^./, '+')}`),
  ),
  row('a blank in the payload', (forge) => parts(forge, ([head, body, end]) => `${head}.${body} .${end}`)),
  row('a blank that is encoded', (forge) => parts(forge, ([head, body, end]) => `${head}.${body}%20.${end}`)),
  row('a dot at the end', (forge) => `${forge.good()}.`),
  row('a dot at the beginning', (forge) => `.${forge.good()}`),
  row('a changed payload', (forge) =>
    parts(
      forge,
      ([head, , end]) =>
        `${head}.${Buffer.from(json(goodClaims({ sub: 'x' }))).toString('base64url')}.${end}`,
    ),
  ),
  row('a token in quotes', (forge) => `"${forge.good()}"`),
  row('two tokens', (forge) => `${forge.good()},${forge.good()}`),
  row('16 KiB', (forge) => forge.good({ padding: 'x'.repeat(16_384) })),
  row('1 MiB', (forge) => forge.good({ padding: 'x'.repeat(1024 * 1024) })),
  row('1 MiB of dots', () => '.'.repeat(1024 * 1024)),
];

export const FORGERIES: readonly TokenRow[] = [...ALGORITHMS, ...KEYS, ...SHAPES];

function hs256(forge: TokenForge, secret: string | Buffer, header: Members = {}): string {
  return forge.forged({ alg: 'HS256', ...header }, byHmac(secret));
}

function es256(forge: TokenForge, header: Members): string {
  return forge.forged(header, byElliptic(forge.elliptic.privateKey));
}

function stranger(forge: TokenForge, header: Members = {}): string {
  return forge.forged({ alg: 'RS256', ...header }, byRsa(forge.others.stranger));
}

function signedBy(keys: TokenForge['keys'], header: Members): string {
  return assemble(json({ alg: 'RS256', typ: 'JWT', ...header }), json(goodClaims()), byRsa(keys));
}

/** Unsigned under a header whose members are text as they stand. */
function headless(members: string): string {
  return assemble(`{${members},"kid":"${KID}"}`, json(goodClaims()), unsigned);
}

function modulus({ keys }: TokenForge): Buffer {
  return Buffer.from(String(keys.jwk().n), 'base64url');
}

function certificate(forge: TokenForge): string {
  return forge.others.stranger.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
}

/** RFC 7515, section 7.2.2. */
function serialized(forge: TokenForge): Members {
  const [header, payload, signature] = forge.good().split('.');
  return { protected: header, payload, signature };
}

function nested(): string {
  return `{"sub":${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
}

function parts(forge: TokenForge, change: (parts: string[]) => string): string {
  return change(forge.good().split('.'));
}
