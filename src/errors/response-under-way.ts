import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * The response that a connection is at; others may wait behind it. Node keeps it under this name, and so do its own docs
 * on `clientError`.
 */
export function responseUnderWay(socket: Socket): ServerResponse | undefined {
  const response: unknown = Reflect.get(socket, '_httpMessage');
  return response instanceof ServerResponse ? response : undefined;
}
