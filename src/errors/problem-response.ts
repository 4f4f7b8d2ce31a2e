import type { ServerResponse } from 'node:http';
import { PROBLEM_MEDIA_TYPE, type Problem } from './problem.js';

const problems = new WeakMap<ServerResponse, Problem>();

/** The problem that a response was answered with, for its line in the log. */
export function problemOf(response: ServerResponse): Problem | undefined {
  return problems.get(response);
}

/** Answers with a problem. */
export function sendProblem(
  response: ServerResponse,
  problem: Problem,
  headers: Readonly<Record<string, string>>,
): void {
  problems.set(response, problem);
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
