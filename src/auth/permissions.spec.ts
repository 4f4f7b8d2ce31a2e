import { describe, expect, it } from '@jest/globals';
import { permissionsOf } from './permissions.js';

function granted(roles: string[], scopes: string[] = []): string[] {
  const caller = { subject: 'a', username: null, clientId: null };
  return [...permissionsOf({ ...caller, roles: new Set(roles), scopes: new Set(scopes) })].toSorted();
}

describe('permissionsOf', () => {
  it.each([
    [['admin'], [], ['admin:read', 'admin:write', 'files:write']],
    [['operator'], [], ['files:write']],
    [['user'], [], ['files:write']],
    [[], ['files:write'], ['files:write']],
    [[], ['admin:read'], ['admin:read']],
    [[], ['admin:write'], ['admin:read', 'admin:write']],
    [['user'], ['admin:read'], ['admin:read', 'files:write']],
  ])('grants to roles %j and scopes %j exactly %j', (roles, scopes, permissions) => {
    expect(granted(roles, scopes)).toEqual(permissions);
  });

  it('grants nothing to unknown roles and scopes, or to a role that is named like a scope', () => {
    const names = ['root', 'Admin', 'toString', 'constructor', '__proto__', ''];
    expect(granted([...names, 'files:write'], [...names, 'admin', 'files:*'])).toEqual([]);
  });
});
