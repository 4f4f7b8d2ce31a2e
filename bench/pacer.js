/*
 * A thread that says when the next request is due. The timers of Node come up to a millisecond late, which is more than
 * a small upload takes; this wait is exact to some tens of microseconds and leaves the processors to what is measured.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { clockMs } from './arrivals.js';

const { begin, intervalMs, total } = workerData;
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

for (let index = 0; index < total; index += 1) {
  const waitMs = begin + index * intervalMs - clockMs();
  if (waitMs > 0) Atomics.wait(never, 0, 0, waitMs);
  parentPort.postMessage(index);
}
