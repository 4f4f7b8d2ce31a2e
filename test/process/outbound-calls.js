/*
 * Run by memory.spec.ts with --expose-gc: makes as many calls through the outbound interceptors of the built service
 * as its argument says, in every way in which a call can end, and writes what they leave behind as JSON.
 */
import { getEventListeners } from 'node:events';
import { Readable } from 'node:stream';

const CONCURRENCY = 40;
/** The rest is made in as many portions, with a look at the memory after each. */
const SAMPLES = 10;

const built = (name) => import(new URL(`../../dist/${name}.js`, import.meta.url).href);
const { parseEnvironment } = await built('config/environment');
const { storageDrivers } = await built('storage/storage-drivers');
const { createApp } = await built('create-app');
const { ServiceError } = await built('errors/service-error');
const { StorageGateway } = await built('storage/storage-gateway.service');
const { StorageElements } = await built('storage/storage-elements.service');
const { CircuitBreakers } = await built('outbound/circuit-breakers.service');

const app = await createApp(parseEnvironment(process.env, storageDrivers));
await app.init();
const gateway = app.get(StorageGateway, { strict: false });
const elements = app.get(StorageElements, { strict: false });
const [first, second, shut] = elements.writtenTargets();
app.get(CircuitBreakers).get(shut).forceOpen({ by: 'test', reason: 'to be met' });

const digest = { size: 0, sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855' };
const stored = (file) => Promise.resolve({ ...digest, fileId: file.fileId });
const broken = () => {
  throw new ServiceError('STORAGE_FAILED', 'Broken.', {
    cause: Object.assign(new Error('reset'), { code: 'ECONNRESET' }),
  });
};
/** What each element does with a file is said by its name. */
for (const target of [first, second]) {
  elements.at(target).put = async (file, _body, signal) => {
    await Promise.resolve();
    if (file.originalFilename === 'left') signal.throwIfAborted();
    const fails = file.originalFilename === 'lost' || (file.originalFilename === 'moved' && target === first);
    return fails ? broken() : stored(file);
  };
}

/** Most calls share it, as they would the signal of a process: what a call leaves on it stays. */
const longLived = new AbortController().signal;

function call(originalFilename, targets, signal = longLived) {
  const body = { length: 0, replayable: true, open: () => Readable.from([]), digest: () => digest };
  const file = { fileId: '00000000-0000-4000-8000-000000000000', originalFilename };
  return gateway.put({ targets, file, body, signal, bytes: 0, canRepeat: () => true });
}

function leave() {
  const leaving = new AbortController();
  const left = call('left', [first, second], leaving.signal);
  leaving.abort(new ServiceError('CLIENT_CLOSED_REQUEST', 'The client left.'));
  return left;
}

/** One call in ten ends in another way than at once. */
function callNumber(number) {
  const both = [first, second];
  if (number % 100 === 0) return call('lost', both);
  if (number % 50 === 0) return leave();
  if (number % 25 === 0) return call('any', [shut]);
  if (number % 10 === 0) return call('moved', both);
  return call('any', both);
}

const outcomes = {};
let made = 0;

async function makeCalls(upTo) {
  while (made < upTo) {
    made += 1;
    const outcome = await callNumber(made).then(
      ({ target }) => target,
      ({ code }) => code,
    );
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
}

function sample() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external } = process.memoryUsage();
  return {
    bytes: heapUsed + external,
    timers: process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length,
    listeners: getEventListeners(longLived, 'abort').length,
  };
}

const calls = Number(process.argv[2]);
const samples = [];
for (let portion = 0; portion <= SAMPLES; portion += 1) {
  const upTo = Math.round((calls * (portion + 1)) / (SAMPLES + 1));
  await Promise.all(Array.from({ length: CONCURRENCY }, () => makeCalls(upTo)));
  samples.push(sample());
}
await app.close();
process.stdout.write(`${JSON.stringify({ made, outcomes, samples })}\n`);
