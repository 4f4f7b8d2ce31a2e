import { type ExecutionContext, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Reflector } from '@nestjs/core';
import { AuthGuard as PassportGuard } from '@nestjs/passport';
import type { IncomingMessage } from 'node:http';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { Access } from './access.js';
import type { Caller } from './caller.js';
import { JwtStrategy } from './jwt.strategy.js';
import { type Permission, permissionsOf } from './permissions.js';
import { forbidden, unauthorized } from './refusals.js';

/** Who calls when `SKIP_AUTH` is set. */
const DEVELOPMENT_USER: Caller = {
  subject: 'dev-user',
  username: 'dev-user',
  clientId: null,
  roles: new Set(['admin']),
  scopes: new Set(),
  expiresAtMs: Infinity,
};

/** What passport-jwt reports, by the messages of jsonwebtoken, as a caller may read it. */
const DETAILS: readonly (readonly [RegExp, string])[] = [
  [/^jwt expired/, 'The token has expired'],
  [/^jwt not active/, 'The token is not valid yet'],
  [/^jwt issuer invalid/, 'The token is from another issuer'],
  [/^jwt audience invalid/, 'The token is meant for another audience'],
  [/^invalid exp value/, 'The exp of the token must be a number'],
  [/^invalid nbf value/, 'The nbf of the token must be a number'],
  [/^jwt signature is required/, 'The token is not signed'],
  [/^invalid signature/, 'The signature of the token is not good'],
];

/**
 * Stands before every route and decides by the request's headers alone, before a byte of the body is read:
 * no token is needed for `@Public()`, a valid one for all others, and one that grants the permission for
 * `@RequirePermission()`.
 * @throws UNAUTHORIZED, FORBIDDEN, or ADMIN_UNAVAILABLE when there are no keys yet.
 */
@Injectable()
export class AuthGuard extends PassportGuard() {
  private readonly skipsAuth: boolean;

  constructor(
    private readonly strategy: JwtStrategy,
    private readonly reflector: Reflector,
    config: ConfigService<Environment, true>,
  ) {
    super({ defaultStrategy: strategy.name });
    this.skipsAuth = config.get('SKIP_AUTH', { infer: true });
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    // Global guards run around our own outbound calls as well; nobody calls in there.
    if (context.getType<string>() !== 'http') return true;
    const access = this.reflector.getAllAndOverride<Permission | 'public' | undefined>(Access.KEY, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (access === 'public') return true;
    const request = context.switchToHttp().getRequest<IncomingMessage & { user?: Caller }>();
    request.user = this.skipsAuth ? DEVELOPMENT_USER : await this.strategy.knownCaller(request);
    if (!request.user) await super.canActivate(context);
    if (access !== undefined && !grants(request.user, access)) throw forbidden(access);
    return true;
  }

  /** Called by passport when it has decided. @throws UNAUTHORIZED, or the failure that kept us from deciding. */
  override handleRequest<User>(error: Error | null, user: User | false | null, info: unknown): User {
    if (user) return user;
    throw error ?? (info instanceof ServiceError ? info : unauthorized(detailOf(info)));
  }
}

function grants(caller: Caller | undefined, permission: Permission): boolean {
  return caller !== undefined && permissionsOf(caller).has(permission);
}

function detailOf(info: unknown): string {
  const message = info instanceof Error ? info.message : '';
  return DETAILS.find(([pattern]) => pattern.test(message))?.[1] ?? 'The token cannot be verified';
}
