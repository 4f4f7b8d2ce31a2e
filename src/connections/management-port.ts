import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import { HttpServerAdapter } from './http-server.adapter.js';

/** Whether a process lives and is ready is asked at both ports: by an orchestrator, and by a load balancer in front. */
const PROBES = /^\/health(?:\/(?:live|ready))?\/?$/i;
const MANAGEMENT = /^\/(?:health|metrics|docs)(?:\/|$)/i;

const managementRequests = new WeakSet<IncomingMessage>();

/** Listening on the management port has failed; the cause is what the system says. */
export class ManagementPortError extends Error {
  override readonly name = 'ManagementPortError';

  constructor(cause: unknown) {
    super('The management port cannot be listened on.', { cause });
  }
}

/**
 * Middleware that answers NOT_FOUND to what does not belong to the port it came by. Of readiness, the public port tells
 * the status alone. The path is the one that Express looks routes up by.
 */
export function keepPortsApart(request: Request, response: Response, next: NextFunction): void {
  const isManagement = managementRequests.has(request);
  response.locals.statusOnly = !isManagement;
  const belongs = PROBES.test(request.path) || MANAGEMENT.test(request.path) === isManagement;
  next(belongs ? undefined : new ServiceError('NOT_FOUND', 'There is no such resource.'));
}

/**
 * Has the application answer at `MANAGEMENT_PORT` too, where that is set, by a server that closes with the first one. Gives
 * that server. @throws ManagementPortError
 */
export async function listenForManagement(
  app: NestExpressApplication,
  { MANAGEMENT_PORT, MANAGEMENT_HOST, HOST }: Environment,
): Promise<Server | undefined> {
  const adapter = app.getHttpAdapter();
  if (MANAGEMENT_PORT === undefined || !(adapter instanceof HttpServerAdapter)) return undefined;
  const server = adapter.addServer();
  server.prependListener('request', (request: IncomingMessage) => managementRequests.add(request));
  try {
    await once(server.listen(MANAGEMENT_PORT, MANAGEMENT_HOST ?? HOST), 'listening');
  } catch (error) {
    throw new ManagementPortError(error);
  }
  return server;
}
