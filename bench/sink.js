/*
 * The storage element of the bench: counts bytes and answers with the size and digest that it was told to
 * expect. It never hashes, so that it does not compete with what is measured.
 *
 * Messages in: {expect: {size, sha256}}, {hold: n} (read no body until n uploads have begun and `release`
 * comes), {release: true}, {down: true} (answer every upload with 503), {up: n} (take uploads again; say so when
 * n have come). Messages out: {port}, {held: n}, {stored: n, seconds} (from the first of them to the last).
 */
import { createServer, Socket } from 'node:net';
import { HttpFraming } from './http-framing.js';

let expected = { size: 0, sha256: '' };
let holdAt = 0;
let isDown = false;
const awaited = { count: 0, stored: 0, since: 0n };
const held = new Set();

/** All connections are read into one buffer: nothing is allocated for the bytes that come. */
const buffer = Buffer.alloc(256 * 1024);

class SinkConnection {
  constructor(accepted) {
    this.received = 0;
    this.method = '';
    this.path = '';
    const framing = new HttpFraming({
      onHead: (head) => this.begin(head),
      onBody: (bytes) => {
        this.received += bytes.length;
      },
      onEnd: () => this.answer(),
    });
    // `net.Server` has no such option for the sockets it accepts, so another one takes over their handle.
    const socket = new Socket({
      handle: accepted['_handle'],
      onread: {
        buffer,
        callback: (length) => {
          framing.push(buffer.subarray(0, length));
          return !held.has(socket);
        },
      },
    });
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => held.delete(socket));
    socket.on('end', () => socket.end());
    socket.resume();
  }

  begin(head) {
    [this.method, this.path] = head.slice(0, head.indexOf('\r\n')).split(' ', 2);
    this.received = 0;
    if (holdAt > 0 && (this.method === 'POST' || this.method === 'PUT')) {
      held.add(this.socket);
      if (held.size === holdAt) process.send({ held: held.size });
    }
  }

  answer() {
    if (this.method === 'GET' && this.path.startsWith('/api/v1/files/'))
      return this.reply(404, { detail: 'not found' });
    if (this.method !== 'POST' && this.method !== 'PUT')
      return this.reply(200, { status: 'ok', mode: 'edit' });
    if (isDown) return this.reply(503, { detail: 'down' });
    if (this.received < expected.size) return this.reply(400, { detail: `only ${this.received} bytes came` });
    countStored();
    return this.reply(201, {
      file_id: '550e8400-e29b-41d4-a716-446655440000',
      original_filename: 'bench.bin',
      file_size: expected.size,
      checksum: expected.sha256,
      message: 'stored',
    });
  }

  reply(status, body) {
    const json = JSON.stringify(body);
    this.socket.write(
      `HTTP/1.1 ${status} Bench\r\nContent-Type: application/json\r\nContent-Length: ${json.length}\r\n\r\n${json}`,
    );
  }
}

function countStored() {
  if (awaited.stored === awaited.count) return;
  if (awaited.stored === 0) awaited.since = process.hrtime.bigint();
  awaited.stored += 1;
  if (awaited.stored < awaited.count) return;
  const seconds = Number(process.hrtime.bigint() - awaited.since) / 1e9;
  process.send({ stored: awaited.stored, seconds });
}

process.on('message', (message) => {
  if (message.down) isDown = true;
  if (message.up !== undefined) {
    isDown = false;
    Object.assign(awaited, { count: message.up, stored: 0 });
  }
  if (message.expect) expected = message.expect;
  if (message.hold !== undefined) holdAt = message.hold;
  if (message.release) {
    holdAt = 0;
    for (const socket of held) socket.resume();
    held.clear();
  }
});
process.on('disconnect', () => process.exit(0));

const server = createServer({ pauseOnConnect: true }, (accepted) => new SinkConnection(accepted));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
