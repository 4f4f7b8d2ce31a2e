import { createPrivateKey, createPublicKey, generateKeyPair, randomUUID, type KeyObject } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ConfigurationError, type Environment } from '../config/environment.js';

type KeySource = Pick<Environment, 'NODE_ENV' | 'JWT_PUBLIC_KEY_FILE' | 'JWT_JWKS_URL'>;

/** The pair that stands in for an issuer of tokens during development. */
export interface DevelopmentKeys {
  readonly privateKey: KeyObject;
  /** A PEM file, as `JWT_PUBLIC_KEY_FILE` would name it. */
  readonly publicKeyFile: string;
}

/** Says whether the service signs and verifies with a pair of its own: outside production, with no key set. */
export function usesDevelopmentKeys(environment: KeySource): boolean {
  const hasKey = environment.JWT_PUBLIC_KEY_FILE !== undefined || environment.JWT_JWKS_URL !== undefined;
  return environment.NODE_ENV !== 'production' && !hasKey;
}

/**
 * Gives the pair under `dataDir`, and makes it when there is none. Processes that start at the same time
 * end up with the same pair: the private key is one file that only one of them can put in place, and the
 * public key follows from it.
 * @throws ConfigurationError when the private key file holds something else.
 */
export async function openDevelopmentKeys(dataDir: string): Promise<DevelopmentKeys> {
  const folder = join(dataDir, 'keys');
  const publicKeyFile = join(folder, 'development-public.pem');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const privateKey = await openPrivateKey(join(folder, 'development-private.pem'));
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString();
  if ((await read(publicKeyFile)) !== publicPem) {
    await writeAside(publicKeyFile, publicPem, (aside) => rename(aside, publicKeyFile));
  }
  return { privateKey, publicKeyFile };
}

async function openPrivateKey(path: string): Promise<KeyObject> {
  const pem = (await read(path)) ?? (await createPrivateKeyFile(path));
  try {
    return createPrivateKey(pem);
  } catch {
    throw new ConfigurationError([`DATA_DIR: ${path} holds no private key; remove it and another is made`]);
  }
}

async function createPrivateKeyFile(path: string): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  // A link never replaces a file, as a rename would: who comes second uses the key of who came first.
  await writeAside(path, pem, (aside) => link(aside, path).catch(unlessCode('EEXIST')));
  return readFile(path, 'utf8');
}

/** Writes a file that `publish` puts under its real name, so that nobody ever reads half of it. */
async function writeAside(
  path: string,
  content: string,
  publish: (aside: string) => Promise<void>,
): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await writeFile(aside, content, { mode: 0o600, flag: 'wx', flush: true });
    await publish(aside);
  } finally {
    await rm(aside, { force: true });
  }
}

function read(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(unlessCode('ENOENT'));
}

/** Turns a failure with `code` into undefined; any other stays one. */
function unlessCode(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error;
    return undefined;
  };
}
