import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Caller } from './caller.js';

/** Hands a handler the caller that the guard let in. @throws Error on a `@Public()` route, which has none. */
export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { user } = context.switchToHttp().getRequest<{ user?: Caller }>();
  if (user === undefined) throw new Error('A public route has no caller');
  return user;
});
