/** The yardstick: bytes in, bytes out. No multipart, no token, no hash, no framework. */
import { createServer } from 'node:http';
import { Agent, request } from 'undici';

const sink = process.env.SINK_URL;
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

async function forward(incoming, outgoing) {
  const answer = await request(`${sink}/file`, { method: 'PUT', body: incoming, dispatcher });
  outgoing.writeHead(answer.statusCode, { 'content-type': 'application/json' });
  outgoing.end(await answer.body.text());
}

const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
  forward(incoming, outgoing).catch((error) => outgoing.writeHead(502).end(String(error)));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
