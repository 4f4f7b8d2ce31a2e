import { Logger } from '@nestjs/common';
import type { KeyObject } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { parseRsaPublicKeys } from '../config/rsa-public-key.js';
import type { KeysHealth, VerificationKeys } from './verification-keys.js';

/** Time in which a changed file may go unnoticed; a token check costs a look at the clock in between. */
const LOOK_EVERY_MS = 1_000;

/**
 * The public keys of a PEM file (SPKI, PKCS#1 or certificates) for every token, whatever `kid` it names. A
 * file that was replaced is read again; one that is missing or half-written leaves the last good keys in use.
 */
export class PemFileKeys implements VerificationKeys {
  readonly hasKeys = true;
  private readonly logger = new Logger(PemFileKeys.name);
  private lookedAtMs = performance.now();
  private complainedOf?: string;

  private constructor(
    private readonly path: string,
    private keys: readonly KeyObject[],
    private version: string,
  ) {}

  /** Reads the file a first time. @throws Error when there is a key in it that is not usable, or none. */
  static async open(path: string): Promise<PemFileKeys> {
    const version = await versionOf(path);
    return new PemFileKeys(path, await readKeys(path), version);
  }

  async keysFor(): Promise<readonly KeyObject[]> {
    await this.lookWhenDue();
    return this.keys;
  }

  async health(): Promise<KeysHealth> {
    await this.lookWhenDue();
    return this.complainedOf === undefined
      ? { up: true }
      : { up: false, reason: 'the public key file is not usable', cause: this.complainedOf };
  }

  /** On use rather than by a timer: the first token after a quiet hour meets the new keys. */
  private async lookWhenDue(): Promise<void> {
    if (performance.now() - this.lookedAtMs < LOOK_EVERY_MS) return;
    this.lookedAtMs = performance.now();
    await this.look();
  }

  private async look(): Promise<void> {
    try {
      const version = await versionOf(this.path);
      const isNew = version !== this.version;
      if (isNew) this.keys = await readKeys(this.path);
      this.version = version;
      this.complainedOf = undefined;
      if (isNew) this.logger.log('The public key file has changed and was read again');
    } catch (error) {
      this.complain(String(error));
    }
  }

  /** A broken file is looked at every second; its fault is told once. */
  private complain(fault: string): void {
    if (fault === this.complainedOf) return;
    this.complainedOf = fault;
    this.logger.warn(`The public key file is not usable, the last good keys stay in use: ${fault}`);
  }
}

/** Changes with the file, also when it is replaced within a clock tick or by a link to another one. */
async function versionOf(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino} ${size} ${mtimeNs}`;
}

async function readKeys(path: string): Promise<readonly KeyObject[]> {
  return parseRsaPublicKeys(await readFile(path, 'utf8'));
}
