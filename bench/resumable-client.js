/*
 * The load of uploads that come in several requests, by tus 1.0, over raw sockets.
 *
 * Message in: a job {kind, port, path, tokens, size, total, concurrency}; each connection does one after the other of `total`
 *   create-append  creates an upload, and appends all of its bytes
 *   create-with    creates an upload with all of its bytes
 *   large          as create-append; only the append is timed
 *   put            sends a file in one request, to a path with a new id each time
 *   head           asks how far an upload is; each connection has one of its own
 *   many           creates `total` uploads, sends half of the bytes of each, and the rest once all halves are sent
 * Message out: {seconds, ms: {p50, p99}}, or {error}.
 */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { clockMs } from './arrivals.js';
import { HttpFraming } from './http-framing.js';
import { FILE_ID, KIB, payloadBlock } from './payload.js';

const block = payloadBlock();
const BODY_TYPE = 'Content-Type: application/offset+octet-stream';
/** Up to this size head and body go out in one write. */
const WHOLE_BYTES = 64 * KIB;
const HEAD_END = '\r\n\r\n';
/** Bytes that fill every buffer on their way. */
const SETTLE_MS = 2_000;

/** A connection with one request at a time. */
class Connection {
  static async open(port) {
    const connection = new Connection();
    connection.socket = connect(port, '127.0.0.1');
    connection.socket.setNoDelay(true);
    await new Promise((resolve, reject) => connection.socket.once('connect', resolve).once('error', reject));
    connection.socket.on('data', (bytes) => connection.receive(bytes));
    connection.socket.on('close', () =>
      connection.fail(new Error('the connection closed before the answer')),
    );
    connection.socket.on('error', (error) => connection.fail(error));
    return connection;
  }

  constructor() {
    this.framing = new HttpFraming({
      onHead: (head) => {
        this.head = head;
      },
      onEnd: () => this.answered(this.head),
    });
  }

  /** Sends the head of a request, and bytes of its body. */
  async write(lines, size) {
    const head = Buffer.from(`${lines.join('\r\n')}${HEAD_END}`);
    if (size <= WHOLE_BYTES) this.socket.write(Buffer.concat([head, block.subarray(0, size)]));
    else {
      this.socket.write(head);
      await this.writeBody(size);
    }
  }

  /** Resolves once the last of them was taken. */
  async writeBody(size) {
    for (let sent = 0; sent < size; sent += block.length) {
      const more = this.socket.write(block.subarray(0, Math.min(block.length, size - sent)));
      if (!more) await new Promise((resolve) => this.socket.once('drain', resolve));
    }
  }

  /** The head of the answer to what is sent next. An answer to HEAD has no body, whatever it says of one. */
  answer(isHead = false) {
    this.isHead = isHead;
    this.text = '';
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }

  receive(bytes) {
    if (!this.isHead) return this.framing.push(bytes);
    this.text += bytes.latin1Slice();
    if (this.text.endsWith(HEAD_END)) this.answered(this.text);
  }

  answered(head) {
    const status = Number(head.slice(9, 12));
    if (status >= 200 && status <= 299) this.resolve(head);
    else if (status !== 100) this.reject(new Error(`answered ${head.slice(0, 500)}`));
  }

  fail(error) {
    this.reject?.(error);
  }

  close() {
    this.socket.removeAllListeners('close');
    this.socket.end();
  }
}

/** Lines that all requests of the job have. `index` chooses the token, as an upload belongs to its caller. */
function linesOf({ tokens }, index, request, more) {
  const token = tokens.length > 0 ? [`Authorization: Bearer ${tokens[index % tokens.length]}`] : [];
  return [`${request} HTTP/1.1`, 'Host: bench.test', 'Tus-Resumable: 1.0.0', ...token, ...more];
}

async function create(connection, job, index, bytes = 0) {
  const more = [`Upload-Length: ${job.size}`, `Content-Length: ${bytes}`, ...(bytes > 0 ? [BODY_TYPE] : [])];
  const answer = connection.answer();
  await connection.write(linesOf(job, index, `POST ${job.path}`, more), bytes);
  const [, location] = /\r\nlocation: *([^\r]+)/i.exec(await answer);
  return new URL(location, 'http://bench.test').pathname;
}

const appendLines = (job, index, path) =>
  linesOf(job, index, `PATCH ${path}`, ['Upload-Offset: 0', BODY_TYPE, `Content-Length: ${job.size}`]);

async function append(connection, job, index, path) {
  const answer = connection.answer();
  await connection.write(appendLines(job, index, path), job.size);
  await answer;
}

async function timed(work) {
  const begin = clockMs();
  await work();
  return clockMs() - begin;
}

/** What is done for each of `total`; gives its time in milliseconds. */
const STEPS = {
  'create-append': (connection, job, index) =>
    timed(async () => append(connection, job, index, await create(connection, job, index))),
  'create-with': (connection, job, index) => timed(() => create(connection, job, index, job.size)),
  large: async (connection, job, index) => {
    const path = await create(connection, job, index);
    return timed(() => append(connection, job, index, path));
  },
  put: (connection, job, index) =>
    timed(async () => {
      const request = `PUT ${job.path.replace(FILE_ID, randomUUID())}`;
      const more = ['Content-Type: application/octet-stream', `Content-Length: ${job.size}`];
      const answer = connection.answer();
      await connection.write(linesOf(job, index, request, more), job.size);
      await answer;
    }),
  head: async (connection, job, index) => {
    // The upload of the connection has the token of the request that created it.
    connection.owner ??= index;
    connection.path ??= await create(connection, job, index);
    return timed(async () => {
      const answer = connection.answer(true);
      await connection.write(linesOf(job, connection.owner, `HEAD ${connection.path}`, []), 0);
      await answer;
    });
  },
};

async function oneAfterTheOther(job) {
  const times = new Float64Array(job.total);
  let begun = 0;
  const connections = await Promise.all(
    Array.from({ length: job.concurrency }, () => Connection.open(job.port)),
  );
  const begin = clockMs();
  await Promise.all(
    connections.map(async (connection) => {
      while (begun < job.total) {
        const index = begun;
        begun += 1;
        times[index] = await STEPS[job.kind](connection, job, index);
      }
      connection.close();
    }),
  );
  // Where each has one to do, what is not timed must not count.
  const seconds = job.total === job.concurrency ? Math.max(...times) / 1_000 : (clockMs() - begin) / 1_000;
  return { seconds, ms: percentiles(times) };
}

async function manyAtOnce(job) {
  const uploads = [];
  for (let index = 0; index < job.total; index += 1) {
    const connection = await Connection.open(job.port);
    uploads.push({ connection, index, path: await create(connection, job, index) });
  }
  const half = Math.floor(job.size / 2);
  const begin = clockMs();
  const answers = uploads.map(({ connection }) => connection.answer());
  await Promise.all(
    uploads.map(({ connection, index, path }) => connection.write(appendLines(job, index, path), half)),
  );
  await sleep(SETTLE_MS);
  await Promise.all(uploads.map(({ connection }) => connection.writeBody(job.size - half)));
  await Promise.all(answers);
  for (const { connection } of uploads) connection.close();
  return { seconds: (clockMs() - begin) / 1_000, ms: { p50: 0, p99: 0 } };
}

function percentiles(times) {
  times.sort();
  const at = (part) => times[Math.min(times.length - 1, Math.floor(times.length * part))];
  return { p50: at(0.5), p99: at(0.99) };
}

process.on('message', (job) => {
  (job.kind === 'many' ? manyAtOnce(job) : oneAfterTheOther(job)).then(
    (result) => process.send(result),
    (error) => process.send({ error: `${job.name}, ${job.kind}: ${error}` }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send({ ready: true });
