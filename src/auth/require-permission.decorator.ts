import type { CustomDecorator } from '@nestjs/common';
import { Access } from './access.js';
import type { Permission } from './permissions.js';

/** Names what a caller must be granted for a route, or for all routes of a controller. */
export function RequirePermission(permission: Permission): CustomDecorator {
  return Access(permission);
}
