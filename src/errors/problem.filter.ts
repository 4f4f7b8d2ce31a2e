import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';
import { sendProblem } from './problem-response.js';
import { toProblem } from './problem.js';
import type { ServiceError } from './service-error.js';
import { toServiceError } from './to-service-error.js';

/** Turns everything that is thrown into problem+json (RFC 9457). What failed underneath is logged, not answered. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('Errors');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const error = toServiceError(thrown);
    this.log(error);
    if (response.destroyed || response.writableEnded) return;
    // The head is out, so the only truthful answer left is an answer that visibly breaks off.
    if (response.headersSent) return void response.destroy();
    const traceId: unknown = response.locals.traceId;
    const problem = toProblem(
      error,
      request.originalUrl.split('?', 1)[0],
      typeof traceId === 'string' ? traceId : undefined,
    );
    sendProblem(response, problem, headersOf(error));
  }

  private log(error: ServiceError): void {
    if (error.status < 500) this.logger.debug({ err: error }, error.message);
    else if (error.code === 'INTERNAL_ERROR') this.logger.error({ err: error }, error.message);
    else this.logger.warn({ err: error }, error.message);
  }
}

function headersOf({ options }: ServiceError): Record<string, string> {
  const { retryAfterMs, headers } = options;
  return {
    ...headers,
    ...(retryAfterMs !== undefined && { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }),
  };
}
