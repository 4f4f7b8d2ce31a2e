/*
 * The load: writes prebuilt buffers to raw sockets as fast as they are taken.
 *
 * Message in: a job {port, method, path, multipart, type, headers, tokens, size, total, concurrency, perSecond}. With
 * `perSecond` requests begin at that rate; without, as soon as one of the `concurrency` connections is idle.
 * Message out: {seconds, ms: {p50, p99, p999}} once all answers are there, or {error}.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { arrivals, clockMs } from './arrivals.js';
import { HttpFraming } from './http-framing.js';
import { envelope, FILE_ID, KIB, payloadBlock } from './payload.js';

const block = payloadBlock();
/** Up to this size head and body go out in one write. */
const WHOLE_BYTES = 64 * KIB;

class LoadConnection {
  constructor(job, requests, { feed, times }) {
    this.job = job;
    this.requests = requests;
    this.feed = feed;
    this.times = times;
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
      this.socket = connect(this.job.port, '127.0.0.1', () => this.feed.serve(this));
      this.socket.setNoDelay(true);
      this.socket.on('data', (bytes) => framing.push(bytes));
      this.socket.on('drain', () => this.pump());
      this.socket.on('error', reject);
      this.socket.on('close', () => reject(new Error('the connection closed before the answer')));
    });
  }

  end() {
    this.socket.removeAllListeners('close');
    this.socket.end();
    this.resolve();
  }

  /** Sends the request of this number; its latency counts from `since`. */
  send(index, since) {
    this.index = index;
    this.since = since;
    this.request = this.requests[index % this.requests.length];
    this.sent = this.request.whole ? this.job.size : 0;
    const more = this.socket.write(withNewId(this.request.whole ?? this.request.before, this.request.idAt));
    if (more) this.pump();
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
    this.times[this.index] = clockMs() - this.since;
    this.feed.serve(this);
  }
}

/** A file that is put has an id of its own each time; the bytes before it may still be on their way, hence a copy. */
function withNewId(bytes, idAt) {
  if (idAt < 0) return bytes;
  const own = Buffer.from(bytes);
  own.write(randomUUID(), idAt, 'latin1');
  return own;
}

/** Small requests go out in one write, so that the client's own cost does not count. */
function prepare(job) {
  const tokens = job.tokens.length > 0 ? job.tokens : [undefined];
  return tokens.map((token) => {
    const { before, after } = envelope({ ...job, token });
    const idAt = before.indexOf(FILE_ID);
    if (job.size > WHOLE_BYTES) return { before, after, idAt };
    return { whole: Buffer.concat([before, block.subarray(0, job.size), after]), idAt };
  });
}

async function run(job) {
  const requests = prepare(job);
  const load = { feed: arrivals(job), times: new Float64Array(job.total) };
  const begin = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: job.concurrency }, () => new LoadConnection(job, requests, load).run()),
  );
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  return { seconds, ms: percentiles(load.times) };
}

function percentiles(times) {
  times.sort();
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
}

process.on('message', (job) => {
  run(job).then(
    (result) => process.send(result),
    (error) => process.send({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
