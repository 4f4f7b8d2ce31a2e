import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { SignJWT } from 'jose';

/** The service checks both, as it does in production. */
export const EXPECTED_CLAIMS = { JWT_ISSUER: 'https://issuer.bench', JWT_AUDIENCE: 'ingester' };

/** Makes the key pair of the run; the service gets the public half as a PEM file. */
export async function writeKeyPair(folder) {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKeyFile = join(folder, 'public.pem');
  writeFileSync(publicKeyFile, publicKey.export({ type: 'spki', format: 'pem' }));
  return { privateKey, publicKeyFile };
}

/** As many different callers as asked for, so that no cache of verified tokens flatters the figures. */
export function userTokens(keys, count) {
  return Promise.all(Array.from({ length: count }, (_, index) => sign(keys, `user-${index}`)));
}

/** Gives the service its own token; asked once in a run. */
export async function startTokenEndpoint(keys) {
  const token = await sign(keys, 'ingester');
  const body = JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 3600 });
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(200, { 'content-type': 'application/json' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/token`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function sign(keys, subject) {
  return new SignJWT({ type: 'access', role: 'user', username: subject, jti: randomUUID() })
    .setProtectedHeader({ alg: 'RS256' })
    .setSubject(subject)
    .setIssuer(EXPECTED_CLAIMS.JWT_ISSUER)
    .setAudience(EXPECTED_CLAIMS.JWT_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('2h')
    .sign(keys.privateKey);
}
