/** Multipart parsed by @fastify/busboy and piped on; with HASH=1 also SHA-256 on the main thread. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Transform, pipeline } from 'node:stream';
import busboy from '@fastify/busboy';
import { Agent, request } from 'undici';

const sink = process.env.SINK_URL;
const hashing = process.env.HASH === '1';
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });

function through(hash) {
  return new Transform({
    transform(chunk, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
}

async function forward(file) {
  const hash = createHash('sha256');
  const body = hashing ? pipeline(file, through(hash), () => undefined) : file;
  const answer = await request(`${sink}/file`, { method: 'PUT', body, dispatcher });
  const receipt = await answer.body.json();
  if (hashing && hash.digest('hex') !== receipt.checksum) throw new Error('the digests differ');
  return receipt;
}

const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
  const parser = new busboy.Busboy({ headers: incoming.headers });
  parser.on('file', (_name, file) => {
    forward(file).then(
      (receipt) =>
        outgoing.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(receipt)),
      (error) => outgoing.writeHead(502).end(String(error)),
    );
  });
  incoming.pipe(parser);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
