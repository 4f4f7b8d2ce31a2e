import { describe, expect, it } from '@jest/globals';
import { permissionsOf } from './permissions.js';

function granted(roles: string[], scopes: string[] = []): string[] {
  return [...permissionsOf({ roles: new Set(roles), scopes: new Set(scopes) })].toSorted();
}

describe('permissionsOf', () => {
  it.each([
    [['admin'], [], ['admin:read', 'admin:write', 'files:read', 'files:write']],
    [['operator'], [], ['files:read', 'files:write']],
    [['user'], [], ['files:read', 'files:write']],
    [[], ['files:read'], ['files:read']],
    [[], ['files:write'], ['files:read', 'files:write']],
    [[], ['admin:read'], ['admin:read', 'files:read']],
    [[], ['admin:write'], ['admin:read', 'admin:write', 'files:read']],
    [['user'], ['admin:read'], ['admin:read', 'files:read', 'files:write']],
  ])('grants to roles %j and scopes %j exactly %j', (roles, scopes, permissions) => {
    expect(granted(roles, scopes)).toEqual(permissions);
  });

  it('grants nothing to unknown roles and scopes, or to a role that is named like a scope', () => {
    const names = ['root', 'Admin', 'toString', 'constructor', '__proto__', ''];
    expect(granted([...names, 'files:write'], [...names, 'admin', 'files:*'])).toEqual([]);
  });
});
