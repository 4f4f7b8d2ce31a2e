/*
 * Calls to a storage driver of the built service: directly, and through the outbound interceptors. In a process of
 * their own, so that nothing else is in their way. The call asks a local element for a file that it does not have:
 * the cheapest one that a real driver answers.
 *
 * Message in: {env, rounds}. Message out: microseconds of each round's median and 99th percentile, by kind of call.
 */
import { answerJobs } from './answer-jobs.js';

const CALLS_PER_ROUND = 2_000;
const WARM_UP_CALLS = 10_000;
const UNKNOWN_FILE = '00000000-0000-4000-8000-000000000000';

/** From the build, and not by a literal: the checks of this repository run without one. */
const built = (name) => import(new URL(`../dist/${name}.js`, import.meta.url).href);

async function timed(call) {
  const begin = performance.now();
  await call();
  return (performance.now() - begin) * 1_000;
}

/** Calls take turns, so that what else the machine does falls on all alike. */
async function round(calls, count) {
  const times = calls.map(() => new Float64Array(count));
  for (let index = 0; index < count; index += 1) {
    for (const [kind, call] of calls.entries()) times[kind][index] = await timed(call);
  }
  return times.map((figures) => {
    figures.sort();
    return { median: figures[Math.floor(count / 2)], p99: figures[Math.floor(count * 0.99)] };
  });
}

async function rounds(calls, count) {
  await round(calls, WARM_UP_CALLS);
  const measured = [];
  for (let index = 0; index < count; index += 1) measured.push(await round(calls, CALLS_PER_ROUND));
  return calls.map((_, kind) => measured.map((figures) => figures[kind]));
}

async function measure({ env, rounds: count }) {
  const { parseEnvironment } = await built('config/environment');
  const { storageDrivers } = await built('storage/storage-drivers');
  const { createApp } = await built('create-app');
  const { StorageGateway } = await built('storage/storage-gateway.service');
  const { StorageElements } = await built('storage/storage-elements.service');
  const { CircuitBreakers } = await built('outbound/circuit-breakers.service');
  const app = await createApp(parseEnvironment(env, storageDrivers));
  await app.init();
  try {
    const elements = app.get(StorageElements, { strict: false });
    const gateway = app.get(StorageGateway, { strict: false });
    const [target] = elements.writtenTargets();
    const element = elements.at(target);
    const { signal } = new AbortController();
    const call = () => gateway.stat({ targets: [target], fileId: UNKNOWN_FILE, signal });
    const [direct, wrapped] = await rounds([() => element.stat(UNKNOWN_FILE), call], count);
    app.get(CircuitBreakers).get(target).forceOpen({ by: 'bench', reason: 'to be measured' });
    const [rejected] = await rounds([() => expectRejection(call())], count);
    return { direct, wrapped, rejected };
  } finally {
    await app.close();
  }
}

/** @throws Error when the call is not rejected, since then something else was measured. */
async function expectRejection(call) {
  const error = await call.catch((reason) => reason);
  if (error?.code !== 'NO_STORAGE_AVAILABLE') throw new Error('the open circuit let a call through');
}

answerJobs(measure);
