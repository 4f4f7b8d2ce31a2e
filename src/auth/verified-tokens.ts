import type { KeyObject } from 'node:crypto';
import type { Caller } from './caller.js';
import type { VerificationKeys } from './verification-keys.js';

/** Memory of tokens: at most so many, and none that is unusually long. */
const MAX_TOKENS = 1_000;
const MAX_TOKEN_LENGTH = 4_096;

/** What a good signature has proved. */
export interface VerifiedToken {
  readonly caller: Caller;
  readonly kid: string | undefined;
  /** The key that the signature was checked with. */
  readonly key: KeyObject;
}

/**
 * Remembers which tokens were verified, since a client sends the same one with each of many small files. A token is
 * known by its whole text, for as long as it has not expired and the very key that verified it is still one that its
 * `kid` stands for: a withdrawn or replaced key ends its tokens at once, as it does without a memory.
 */
export class VerifiedTokens {
  /** The longest unused first. */
  private readonly tokens = new Map<string, VerifiedToken>();

  constructor(private readonly keys: Pick<VerificationKeys, 'keysFor'>) {}

  /** The caller of a token that was verified before and still counts. @throws ADMIN_UNAVAILABLE as the keys do */
  async callerOf(token: string, nowMs: number): Promise<Caller | undefined> {
    const known = this.tokens.get(token);
    if (!known) return undefined;
    this.tokens.delete(token);
    if (nowMs >= known.caller.expiresAtMs) return undefined;
    if (!(await this.keys.keysFor(known.kid)).includes(known.key)) return undefined;
    this.tokens.set(token, known);
    return known.caller;
  }

  remember(token: string, verified: VerifiedToken): void {
    if (token.length > MAX_TOKEN_LENGTH) return;
    this.tokens.set(token, verified);
    if (this.tokens.size <= MAX_TOKENS) return;
    for (const oldest of this.tokens.keys()) {
      this.tokens.delete(oldest);
      return;
    }
  }
}
