/*
 * Run by misbehaving-clients.spec.ts in a process of its own: `node misbehaving-clients.js PORT TOKEN` holds a thousand
 * connections, a hundred of each kind below, and opens each again when it is closed, until standard input ends.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';

const [port, token] = [Number(process.argv[2]), process.argv[3]];
const OF_EACH_KIND = 100;
/** Who is cut off comes back after this. */
const AGAIN_MS = 500;

const head = (line, headers = {}) =>
  `${line} HTTP/1.1\r\n${Object.entries({ Host: 'ingester', ...headers })
    .map(([name, value]) => `${name}: ${value}`)
    .join('\r\n')}\r\n\r\n`;
const authorized = { Authorization: `Bearer ${token}` };
const LARGE_PAGE = head('GET /docs/swagger-ui-bundle.js');

/** Sends a piece of `text` now and then. */
function drip(socket, text) {
  let at = 0;
  const timer = setInterval(() => socket.write(text[at++ % text.length]), 300);
  socket.once('close', () => clearInterval(timer));
}

/** Each gets a connection that is open; those that say so read nothing. */
const KINDS = {
  'sends a thousand requests ahead': (socket) => {
    socket.pause().write(LARGE_PAGE.repeat(1_000));
    // Who reads nothing does not see that he was cut off.
    setTimeout(() => socket.destroy(), 2_000);
  },
  'does not read its answers': (socket) => socket.pause().write(LARGE_PAGE.repeat(30)),
  'says nothing': () => undefined,
  'never ends its head': (socket) =>
    drip(socket, 'GET /health/live HTTP/1.1\r\nX-Header: aaaaaaaaaaaaaaaaaaaaa'),
  'declares a file that never comes': (socket) =>
    socket.write(
      head(`PUT /api/v1/files/${randomUUID()}`, {
        ...authorized,
        'Content-Type': 'text/plain',
        'Content-Length': 10 ** 10,
      }),
    ),
  'drips a body that nobody asked for': (socket) => {
    socket.write(head('POST /api/v1/files/upload', { 'Transfer-Encoding': 'chunked' }));
    drip(socket, '1\r\nx\r\n');
  },
  'asks for dear pages': (socket) =>
    socket.resume().write(head('GET /metrics').repeat(15) + head('GET /health/ready').repeat(15)),
  'looks for slow expressions': (socket) =>
    socket
      .resume()
      .write(
        head('GET /health/live', { Accept: `application/json;version=${' '.repeat(15_500)}"""` }) +
          head(`GET /${'eyJ-'.repeat(3_500)}`) +
          head('GET /health/live', { Authorization: `Bearer ${'eyJ'.repeat(4_000)}.` }),
      ),
  'asks for what nobody has': (socket) =>
    socket.resume().write(head(`GET /api/v1/files/${randomUUID()}`, authorized).repeat(5)),
  'speaks no HTTP': (socket) => socket.write(Buffer.alloc(20_000, '\u0016\u0003\u0001NONSENSE\r\n\r\n')),
};

let isOver = false;

function hold(misbehave) {
  if (isOver) return;
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => undefined);
  socket.once('connect', () => misbehave(socket));
  socket.once('close', () => setTimeout(() => hold(misbehave), AGAIN_MS));
  process.once('SIGTERM', () => socket.destroy());
}

process.setMaxListeners(0);
for (const misbehave of Object.values(KINDS))
  for (let count = 0; count < OF_EACH_KIND; count += 1) hold(misbehave);
process.stdin.resume().once('end', () => {
  isOver = true;
  process.exit(0);
});
process.stdout.write('at work\n');
