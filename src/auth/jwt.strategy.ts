import { Inject, Injectable, type OnApplicationShutdown, type Type } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { PassportStrategy } from '@nestjs/passport';
import { type KeyObject, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import passport from 'passport';
import { Strategy, type StrategyOptionsWithoutRequest } from 'passport-jwt';
import type { Environment } from '../config/environment.js';
import { readBearerToken } from './bearer-token.js';
import type { Caller } from './caller.js';
import { callerFromClaims } from './claims.js';
import { unauthorized } from './refusals.js';
import { signingKeyOf } from './signing-key.js';
import { readTokenHeader } from './token-header.js';
import { VERIFICATION_KEYS, type VerificationKeys } from './verification-keys.js';
import { type VerifiedToken, VerifiedTokens } from './verified-tokens.js';

type KeyCallback = (error: unknown, key?: KeyObject) => void;

type Settings = Pick<
  StrategyOptionsWithoutRequest,
  'jwtFromRequest' | 'algorithms' | 'issuer' | 'audience' | 'jsonWebTokenOptions'
>;

/**
 * The strategy of passport-jwt without the types of its constructor: they know PEM keys only, while
 * jsonwebtoken takes a KeyObject as well, and so need not parse the key for each token.
 */
const JwtStrategyBase = PassportStrategy<Type<Strategy>>(Strategy);

/** Which key is about to check the token of a request. */
type ChosenKey = Pick<VerifiedToken, 'kid' | 'key'>;

/** Verifies RS256 tokens with our keys only, each token once. */
@Injectable()
export class JwtStrategy extends JwtStrategyBase implements OnApplicationShutdown {
  private readonly verified: VerifiedTokens;
  private readonly chosen = new WeakMap<IncomingMessage, ChosenKey>();
  private readonly clockToleranceMs: number;

  constructor(
    @Inject(VERIFICATION_KEYS) private readonly keys: VerificationKeys,
    config: ConfigService<Environment, true>,
  ) {
    super({
      ...settingsOf(config),
      passReqToCallback: true,
      secretOrKeyProvider: (request: IncomingMessage, token: string, done: KeyCallback) =>
        void this.provideKey(request, token, done),
    });
    this.clockToleranceMs = config.get('JWT_CLOCK_TOLERANCE_MS', { infer: true });
    this.verified = new VerifiedTokens(keys);
    this.takeNameOfItsOwn();
  }

  /** The caller of a request whose token was verified before; undefined where passport has to look at it. */
  async knownCaller(request: IncomingMessage): Promise<Caller | undefined> {
    const found = readBearerToken(request.rawHeaders);
    return 'token' in found ? this.verified.callerOf(found.token, Date.now()) : undefined;
  }

  onApplicationShutdown(): void {
    passport.unuse(this.name);
  }

  /** Called by passport-jwt with the payload once the signature, `exp`, `nbf`, `iss` and `aud` are good. */
  validate(request: IncomingMessage, payload: unknown): Caller {
    const claimed = callerFromClaims(payload, Date.now(), this.clockToleranceMs);
    if ('refusal' in claimed) throw unauthorized(claimed.refusal);
    const { caller } = claimed;
    const chosen = this.chosen.get(request);
    if (chosen) this.verified.remember(bearerTokenOf(request), { ...chosen, caller });
    return caller;
  }

  /** Never rejects: nobody would hear of it but the process, which would end. */
  private async provideKey(request: IncomingMessage, token: string, done: KeyCallback): Promise<void> {
    try {
      const chosen = await chooseKey(token, this.keys);
      this.chosen.set(request, chosen);
      done(null, chosen.key);
    } catch (error) {
      // From `chooseKey`, or from `done`: jsonwebtoken throws there on a signed payload of `null`.
      done(error);
    }
  }

  /**
   * passport keeps strategies by name, one table a process. Two applications in one process would share
   * the name `jwt`, and the second one's keys would let callers into the first.
   */
  private takeNameOfItsOwn(): void {
    passport.unuse(this.name);
    this.name = `jwt-${randomUUID()}`;
    passport.use(this);
  }
}

function settingsOf(config: ConfigService<Environment, true>): Settings {
  return {
    jwtFromRequest: bearerTokenOf,
    algorithms: ['RS256'],
    issuer: config.get('JWT_ISSUER', { infer: true }),
    audience: config.get('JWT_AUDIENCE', { infer: true }),
    jsonWebTokenOptions: { clockTolerance: config.get('JWT_CLOCK_TOLERANCE_MS', { infer: true }) / 1000 },
  };
}

function bearerTokenOf(request: IncomingMessage): string {
  const found = readBearerToken(request.rawHeaders);
  if ('refusal' in found) throw unauthorized(found.refusal);
  return found.token;
}

async function chooseKey(token: string, keys: VerificationKeys): Promise<ChosenKey> {
  const header = readTokenHeader(token);
  if ('refusal' in header) throw unauthorized(header.refusal);
  const { kid } = header;
  const key = signingKeyOf(token, await keys.keysFor(kid));
  if (key === undefined) throw unauthorized('The token is signed with a key that is not known here');
  return { kid, key };
}
