import type { IncomingMessage, ServerResponse } from 'node:http';
import { closeUnlessRead } from '../../src/errors/lingering-close.js';
import { sendProblem } from '../../src/errors/problem-response.js';
import { protocolFailureOf } from '../../src/errors/protocol-failure.js';
import { toProblem } from '../../src/errors/problem.js';
import { ServiceError } from '../../src/errors/service-error.js';

export const PROBLEM = toProblem(new ServiceError('FILE_TOO_LARGE', 'The file is too large.'));

/** A response that a test finishes by hand. */
export const pending: { response?: ServerResponse } = {};

const HANDLERS: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/': (_request, response) => sendProblem(response, PROBLEM, { 'X-Given': 'yes' }),
  '/read': (request, response) => {
    request.resume().once('end', () => sendProblem(response, PROBLEM, {}));
  },
  '/begin': (request, response) => {
    request.on('error', () => undefined).resume();
    response.writeHead(200, { 'Content-Length': 1_000 }).write('beginning');
  },
  '/wait': (request, response) => {
    request.on('error', () => sendFailure(request, response)).resume();
    pending.response = response;
  },
};

function sendFailure(request: IncomingMessage, response: ServerResponse): void {
  const failure = protocolFailureOf(request);
  if (failure) sendProblem(response, toProblem(failure), failure.options.headers ?? {});
}

/** Answers with the problem, at once or in the way that the path names. */
export function serve(request: IncomingMessage, response: ServerResponse): void {
  closeUnlessRead(request, response);
  if (protocolFailureOf(request)) sendFailure(request, response);
  else HANDLERS[request.url ?? '']?.(request, response);
}
