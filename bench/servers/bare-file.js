/** The yardstick of the local driver: bytes in, a synced file. No multipart, no token, no hash, no framework. */
import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';

const folder = process.env.UPLOAD_DIR;
mkdirSync(folder, { recursive: true });

async function store(incoming, outgoing) {
  await pipeline(incoming, createWriteStream(join(folder, randomUUID()), { flush: true }));
  outgoing.writeHead(201).end();
}

const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
  store(incoming, outgoing).catch((error) => outgoing.writeHead(500).end(String(error)));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
