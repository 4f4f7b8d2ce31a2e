/*
 * Is imported by a service that is measured, before its own code: counts its statements, and its round trips to the
 * database, and tells them to whoever connects to the socket of `BENCH_COUNTER`. Statements that are sent while another
 * one of the same connection is under way share its trip.
 */
import { createServer } from 'node:net';
import { isMainThread, Worker } from 'node:worker_threads';
import pg from 'pg';

const counts = { statements: 0, roundTrips: 0 };
/** Statements of a connection that have no answer yet. */
const underWay = new WeakMap();

function sent(connection) {
  const before = underWay.get(connection) ?? 0;
  counts.statements += 1;
  if (before === 0) counts.roundTrips += 1;
  underWay.set(connection, before + 1);
}

function answered(connection) {
  underWay.set(connection, Math.max(0, underWay.get(connection) - 1));
}

function countPostgres() {
  const { query } = pg.Client.prototype;
  pg.Client.prototype.query = function countedQuery(...args) {
    if (!underWay.has(this)) this.connection.on('readyForQuery', () => answered(this));
    sent(this);
    return query.apply(this, args);
  };
}

/** Nothing else than the thread of SQLite is sent statements. */
function countSqlite() {
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function countedMessage(message, ...args) {
    if (typeof message?.text === 'string') {
      if (!underWay.has(this))
        this.on('message', ({ id }) => {
          if (id !== undefined) answered(this);
        });
      sent(this);
    }
    return postMessage.call(this, message, ...args);
  };
}

if (isMainThread && process.env.BENCH_COUNTER !== undefined) {
  countPostgres();
  countSqlite();
  createServer((socket) => socket.end(JSON.stringify(counts)))
    .listen(process.env.BENCH_COUNTER)
    .unref();
}
