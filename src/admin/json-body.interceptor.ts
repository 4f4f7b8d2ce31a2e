import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Observable } from 'rxjs';
import { expectsContinue } from '../errors/expect-continue.js';
import { readJsonObject } from './json-body.js';

/**
 * Reads the body of a route for `@Body()`. It is an interceptor and no middleware, so that the guard has let the
 * caller in before a byte is read.
 */
@Injectable()
export class JsonBodyInterceptor implements NestInterceptor {
  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp();
    const request = http.getRequest<Request>();
    // RFC 9110 section 10.1.1: the client holds its body back until now.
    if (expectsContinue(request)) http.getResponse<Response>().writeContinue();
    request.body = await readJsonObject(request);
    return next.handle();
  }
}
