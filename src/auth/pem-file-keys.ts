import { Logger } from '@nestjs/common';
import type { KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parseRsaPublicKey } from '../config/rsa-public-key.js';
import type { VerificationKeys } from './verification-keys.js';

/** Time in which a changed file may go unnoticed; a token check costs a look at the clock in between. */
const LOOK_EVERY_MS = 1_000;

/**
 * One public key in a PEM file (SPKI, PKCS#1 or a certificate) for every token, whatever `kid` it names. A
 * file that was replaced is read again; one that is missing or half-written leaves the last good key in use.
 */
export class PemFileKeys implements VerificationKeys {
  private readonly logger = new Logger(PemFileKeys.name);
  private lookedAtMs = performance.now();
  private complainedOf?: string;

  private constructor(
    private readonly path: string,
    private key: KeyObject,
    private version: string,
  ) {}

  /** Reads the file a first time. @throws Error when there is no usable key in it. */
  static async open(path: string): Promise<PemFileKeys> {
    const version = await versionOf(path);
    return new PemFileKeys(path, await readKey(path), version);
  }

  async keyFor(): Promise<KeyObject> {
    // A look is due on use rather than by a timer: the first token after a quiet hour meets the new key.
    if (performance.now() - this.lookedAtMs >= LOOK_EVERY_MS) {
      this.lookedAtMs = performance.now();
      await this.look();
    }
    return this.key;
  }

  private async look(): Promise<void> {
    try {
      const version = await versionOf(this.path);
      if (version === this.version) return;
      this.key = await readKey(this.path);
      this.version = version;
      this.complainedOf = undefined;
      this.logger.log('The public key file has changed and was read again');
    } catch (error) {
      this.complain(String(error));
    }
  }

  /** A broken file is looked at every second; its fault is told once. */
  private complain(fault: string): void {
    if (fault === this.complainedOf) return;
    this.complainedOf = fault;
    this.logger.warn(`The public key file is not usable, the last good key stays in use: ${fault}`);
  }
}

/** Changes with the file, also when it is replaced within a clock tick or by a link to another one. */
async function versionOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

async function readKey(path: string): Promise<KeyObject> {
  return parseRsaPublicKey(await readFile(path, 'utf8'));
}
