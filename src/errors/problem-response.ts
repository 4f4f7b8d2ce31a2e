import type { ServerResponse } from 'node:http';
import { PROBLEM_MEDIA_TYPE, type Problem } from './problem.js';

/** Answers with a problem. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>>,
): void {
  const body = Buffer.from(JSON.stringify(problem));
  response
    .writeHead(problem.status, {
      ...headers,
      'Content-Type': PROBLEM_MEDIA_TYPE,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
    })
    .end(body);
}
