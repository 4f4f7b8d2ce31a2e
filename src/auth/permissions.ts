import type { Caller } from './caller.js';

/** What a route can ask for. */
export type Permission = 'files:write' | 'admin:read' | 'admin:write';

const EVERYTHING: readonly Permission[] = ['files:write', 'admin:read', 'admin:write'];

/** A `Map`, not an object: a role called `constructor` must find nothing. */
const GRANTED_BY_ROLE: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['admin', EVERYTHING],
  ['operator', ['files:write']],
  ['user', ['files:write']],
]);

/** Who may change what operators see may also look at it. */
const GRANTED_BY_SCOPE: ReadonlyMap<string, readonly Permission[]> = new Map([
  ['files:write', ['files:write']],
  ['admin:read', ['admin:read']],
  ['admin:write', ['admin:read', 'admin:write']],
]);

/** Everything that the caller's roles and scopes grant together; an unknown one grants nothing. */
export function permissionsOf(caller: Caller): ReadonlySet<Permission> {
  return new Set([
    ...[...caller.roles].flatMap((role) => GRANTED_BY_ROLE.get(role) ?? []),
    ...[...caller.scopes].flatMap((scope) => GRANTED_BY_SCOPE.get(scope) ?? []),
  ]);
}
