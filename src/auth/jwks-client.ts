import type { FetchImplementation } from 'jose';
import { Agent, request } from 'undici';

/** Larger than any real key set; an answer without end must not fill the memory. */
const MAX_ANSWER_BYTES = 1024 * 1024;

/** Fetches key sets for jose over connections of its own. */
export class JwksClient {
  private readonly agent: Agent;

  constructor(timeoutMs: number) {
    this.agent = new Agent({
      connections: 1,
      maxResponseSize: MAX_ANSWER_BYTES,
      connect: { timeout: timeoutMs },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
  }

  readonly fetch: FetchImplementation = async (url, { headers, signal }) => {
    const { statusCode, body } = await request(url, {
      dispatcher: this.agent,
      headers: Object.fromEntries(headers),
      signal,
    });
    const answer = await body.text();
    return statusCode === 200 ? new Response(answer) : Response.error();
  };

  close(): Promise<void> {
    return this.agent.destroy();
  }
}
