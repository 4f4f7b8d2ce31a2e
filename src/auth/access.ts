import { Reflector } from '@nestjs/core';
import type { Permission } from './permissions.js';

/**
 * What a route asks of its caller. `@Public()` and `@RequirePermission()` share this one piece of metadata,
 * so that the one nearest to the handler counts: a permission named on a method of a public controller holds.
 */
export const Access = Reflector.createDecorator<Permission | 'public'>();
