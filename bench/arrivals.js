import { Worker } from 'node:worker_threads';

/** Time in which the thread that keeps the pace is up. */
const LEAD_MS = 300;

/** Milliseconds, on the one clock that all threads of a process have. */
export const clockMs = () => Number(process.hrtime.bigint()) / 1e6;

/** The next request begins once an answer has come: as many are under way as there are connections. */
class ClosedLoop {
  constructor({ total }) {
    this.total = total;
    this.started = 0;
  }

  /** Gives an idle connection its next request, or ends it. */
  serve(connection) {
    if (this.started === this.total) connection.end();
    else connection.send(this.started++, clockMs());
  }
}

/**
 * Requests begin at their time, `perSecond` of them, whether or not answers have come. One that finds no idle connection
 * waits for one, and its latency counts from the time at which it was due: what is late is not left out.
 */
class OpenLoop {
  constructor({ total, perSecond, concurrency }) {
    this.total = total;
    this.intervalMs = 1_000 / perSecond;
    this.connections = concurrency;
    this.started = 0;
    this.idle = [];
  }

  /** The clock starts once all connections are open. */
  serve(connection) {
    this.idle.push(connection);
    if (this.idle.length === this.connections) this.pacer ??= this.startPacer();
    if (this.pacer) this.sendDue();
  }

  startPacer() {
    this.begin = clockMs() + LEAD_MS;
    const { begin, intervalMs, total } = this;
    const workerData = { begin, intervalMs, total };
    const pacer = new Worker(new URL('./pacer.js', import.meta.url), { workerData });
    return pacer.on('message', () => this.sendDue());
  }

  sendDue() {
    const now = clockMs();
    while (this.started < this.total && this.idle.length > 0) {
      const due = this.begin + this.started * this.intervalMs;
      if (due > now) return;
      // The one that was idle longest: a server closes those that nothing comes on.
      this.idle.shift().send(this.started++, due);
    }
    if (this.started === this.total) for (const connection of this.idle.splice(0)) connection.end();
  }
}

/** What tells connections when to send: at a rate where the job has one, else one request after the other. */
export const arrivals = (job) => (job.perSecond ? new OpenLoop(job) : new ClosedLoop(job));
