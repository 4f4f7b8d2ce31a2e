import type { CustomDecorator } from '@nestjs/common';
import { Access } from './access.js';

/** Opens a route, or all routes of a controller, to callers without a token. */
export function Public(): CustomDecorator {
  return Access('public');
}
