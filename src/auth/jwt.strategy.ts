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
import { callerFromClaims, LEEWAY_SECONDS } from './claims.js';
import { unauthorized } from './refusals.js';
import { readTokenHeader } from './token-header.js';
import { VERIFICATION_KEYS, type VerificationKeys } from './verification-keys.js';

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

/**
 * Verifies RS256 tokens with our keys only. Verified tokens are not remembered: with a 2048-bit key the whole
 * guard costs 42 µs of CPU, 22 of them for RSA itself (Node 24, warm), and a memory of good tokens would be
 * one more place where a withdrawn key still counts.
 */
@Injectable()
export class JwtStrategy extends JwtStrategyBase implements OnApplicationShutdown {
  constructor(@Inject(VERIFICATION_KEYS) keys: VerificationKeys, config: ConfigService<Environment, true>) {
    super({
      ...settingsOf(config),
      secretOrKeyProvider: (_request: IncomingMessage, token: string, done: KeyCallback) =>
        void provideKey(token, keys, done),
    });
    this.takeNameOfItsOwn();
  }

  onApplicationShutdown(): void {
    passport.unuse(this.name);
  }

  /** Called by passport-jwt with the payload once the signature, `exp`, `nbf`, `iss` and `aud` are good. */
  validate(payload: unknown): Caller {
    const claimed = callerFromClaims(payload, Date.now());
    if ('refusal' in claimed) throw unauthorized(claimed.refusal);
    return claimed.caller;
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
    jsonWebTokenOptions: { clockTolerance: LEEWAY_SECONDS },
  };
}

function bearerTokenOf(request: IncomingMessage): string {
  const found = readBearerToken(request.rawHeaders);
  if ('refusal' in found) throw unauthorized(found.refusal);
  return found.token;
}

/** Never rejects: nobody would hear of it but the process, which would end. */
async function provideKey(token: string, keys: VerificationKeys, done: KeyCallback): Promise<void> {
  try {
    done(null, await keyFor(token, keys));
  } catch (error) {
    // From `keyFor`, or from `done`: jsonwebtoken throws there on a signed payload of `null`.
    done(error);
  }
}

async function keyFor(token: string, keys: VerificationKeys): Promise<KeyObject> {
  const header = readTokenHeader(token);
  if ('refusal' in header) throw unauthorized(header.refusal);
  const key = await keys.keyFor(header.kid);
  if (key === undefined) throw unauthorized('The token is signed with a key that is not known here');
  return key;
}
