/*
 * A collector that takes whatever traces are sent to it and keeps nothing. Messages in: {taken: true}; messages out: {port},
 * {bytes} that have come since the last one.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';

let bytes = 0;

const server = createServer((request, response) => {
  request.on('data', (chunk) => {
    bytes += chunk.length;
  });
  request.on('end', () => response.end());
});

process.on('message', () => {
  process.send({ bytes });
  bytes = 0;
});
process.on('disconnect', () => process.exit(0));

server.listen(0, '127.0.0.1');
await once(server, 'listening');
process.send({ port: server.address().port });
