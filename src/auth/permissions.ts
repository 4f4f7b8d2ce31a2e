import type { Caller } from './caller.js';

/** What a route can ask for. */
export type Permission = 'files:read' | 'files:write' | 'admin:read' | 'admin:write';

const EVERYTHING: readonly Permission[] = ['files:read', 'files:write', 'admin:read', 'admin:write'];

/** A `Map`, not an object: a role called `constructor` must find nothing. */
const GRANTED_BY_ROLE: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['admin', EVERYTHING],
  ['operator', ['files:read', 'files:write']],
  ['user', ['files:read', 'files:write']],
]);

/** Who may change something may also look at it, and who sees the receipts of all callers sees his own. */
const GRANTED_BY_SCOPE: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['files:read', ['files:read']],
  ['files:write', ['files:read', 'files:write']],
  ['admin:read', ['files:read', 'admin:read']],
  ['admin:write', ['files:read', 'admin:read', 'admin:write']],
]);

/** Everything that the caller's roles and scopes grant together; an unknown one grants nothing. */
export function permissionsOf(caller: Pick<Caller, 'roles' | 'scopes'>): ReadonlySet<Permission> {
  return new Set([
    ...[...caller.roles].flatMap((role) => GRANTED_BY_ROLE.get(role) ?? []),
    ...[...caller.scopes].flatMap((scope) => GRANTED_BY_SCOPE.get(scope) ?? []),
  ]);
}
