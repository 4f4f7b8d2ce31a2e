/*
 * The storage element of the bench: counts bytes and answers with the size and digest that it was told to
 * expect. It never hashes, so that it does not compete with what is measured.
 *
 * Messages in: {expect: {size, sha256}}, {hold: n} (read no body until n uploads have begun and `release`
 * comes), {release: true}. Messages out: {port}, {held: n}.
 */
import { createServer } from 'node:net';
import { HttpFraming } from './http-framing.js';

let expected = { size: 0, sha256: '' };
let holdAt = 0;
const held = new Set();

class SinkConnection {
  constructor(socket) {
    this.socket = socket;
    this.received = 0;
    this.method = '';
    const framing = new HttpFraming({
      onHead: (head) => this.begin(head),
      onBody: (bytes) => {
        this.received += bytes.length;
      },
      onEnd: () => this.answer(),
    });
    socket.setNoDelay(true);
    socket.on('data', (bytes) => framing.push(bytes));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => held.delete(socket));
  }

  begin(head) {
    this.method = head.slice(0, head.indexOf(' '));
    this.received = 0;
    if (holdAt > 0 && (this.method === 'POST' || this.method === 'PUT')) {
      this.socket.pause();
      held.add(this.socket);
      if (held.size === holdAt) process.send({ held: held.size });
    }
  }

  answer() {
    if (this.method !== 'POST' && this.method !== 'PUT')
      return this.reply(200, { status: 'ok', mode: 'edit' });
    if (this.received < expected.size) return this.reply(400, { detail: `only ${this.received} bytes came` });
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

process.on('message', (message) => {
  if (message.expect) expected = message.expect;
  if (message.hold !== undefined) holdAt = message.hold;
  if (message.release) {
    holdAt = 0;
    for (const socket of held) socket.resume();
    held.clear();
  }
});
process.on('disconnect', () => process.exit(0));

const server = createServer((socket) => new SinkConnection(socket));
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));
