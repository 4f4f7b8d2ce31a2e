/*
 * The load: writes prebuilt buffers to raw sockets as fast as they are taken.
 *
 * Message in: a job {port, method, path, multipart, tokens, size, total, concurrency}.
 * Message out: {seconds, completed} once all answers are there, or {error}.
 */
import { connect } from 'node:net';
import { HttpFraming } from './http-framing.js';
import { envelope, payloadBlock } from './payload.js';

const block = payloadBlock();

class LoadConnection {
  constructor(job, requests, next) {
    this.job = job;
    this.requests = requests;
    this.next = next;
    this.status = 0;
    this.answer = '';
  }

  run() {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      const framing = new HttpFraming({
        onHead: (head) => {
          this.status = Number(head.slice(9, 12));
          this.answer = '';
        },
        onBody: (bytes) => {
          this.answer += bytes.latin1Slice();
        },
        onEnd: () => this.finish(),
      });
      this.socket = connect(this.job.port, '127.0.0.1', () => this.begin());
      this.socket.setNoDelay(true);
      this.socket.on('data', (bytes) => framing.push(bytes));
      this.socket.on('drain', () => this.pump());
      this.socket.on('error', reject);
      this.socket.on('close', () => reject(new Error('the connection closed before the answer')));
    });
  }

  begin() {
    const index = this.next();
    if (index === undefined) {
      this.socket.removeAllListeners('close');
      this.socket.end();
      this.resolve();
      return;
    }
    this.request = this.requests[index % this.requests.length];
    this.sent = 0;
    if (this.request.whole) {
      this.sent = this.job.size;
      this.socket.write(this.request.whole);
    } else if (this.socket.write(this.request.before)) this.pump();
  }

  pump() {
    const { size } = this.job;
    while (this.sent < size) {
      const bytes = size - this.sent >= block.length ? block : block.subarray(0, size - this.sent);
      this.sent += bytes.length;
      const more = this.socket.write(bytes);
      if (this.sent === size && this.request.after.length > 0) this.socket.write(this.request.after);
      if (!more) return;
    }
  }

  finish() {
    if (this.status === 100) return;
    if (this.status < 200 || this.status > 299) {
      this.reject(new Error(`answered ${this.status}: ${this.answer.slice(0, 500)}`));
      this.socket.destroy();
      return;
    }
    this.begin();
  }
}

/** Small requests go out in one write, so that the client's own cost does not count. */
function prepare(job) {
  const tokens = job.tokens.length > 0 ? job.tokens : [undefined];
  return tokens.map((token) => {
    const around = envelope({ ...job, token });
    return job.size > block.length
      ? around
      : { whole: Buffer.concat([around.before, block.subarray(0, job.size), around.after]) };
  });
}

async function run(job) {
  const requests = prepare(job);
  let started = 0;
  const next = () => (started < job.total ? started++ : undefined);
  const begin = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: job.concurrency }, () => new LoadConnection(job, requests, next).run()),
  );
  return { seconds: Number(process.hrtime.bigint() - begin) / 1e9, completed: started };
}

process.on('message', (job) => {
  run(job).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
