import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { KillDiary } from './kill-diary.js';
import { KillElements, type KillReport } from './kill-elements.js';
import { KillReplicas } from './kill-replicas.js';
import { KillUploads } from './kill-uploads.js';

/** Kills in all. */
const ROUNDS = inLongRun(100, 6);
const ROUND_MS = 30_000;
const FIRST_PROMISE_MS = 60_000;
const LAST_DELIVERY_MS = 60_000;
const LAST_REMOVAL_MS = 30_000;
const ENDS_MS = FIRST_PROMISE_MS + LAST_DELIVERY_MS + LAST_REMOVAL_MS;

/** A process lives so long before it is killed, from the moment when it listens: at most this. */
const MAX_LIFE_MS = 2_000;

describe('a process that is killed at any instant', () => {
  let postgres: PostgresDatabases;

  beforeAll(async () => {
    postgres = await openPostgres();
  });

  afterAll(async () => {
    await postgres.dispose();
  });

  const share = (part: number): number => Math.ceil(ROUNDS * part);

  it(
    'loses and doubles nothing with the embedded database',
    () => expectNothingLost('SQLite', share(0.4), 1, () => Promise.resolve({})),
    ROUND_MS * share(0.4) + ENDS_MS,
  );

  it(
    'loses and doubles nothing with PostgreSQL',
    () => expectNothingLost('PostgreSQL', share(0.3), 1, () => onPostgres(postgres)),
    ROUND_MS * share(0.3) + ENDS_MS,
  );

  it(
    'loses and doubles nothing when it is one of two replicas',
    () => expectNothingLost('two replicas', share(0.3), 2, () => onPostgres(postgres)),
    ROUND_MS * share(0.3) + ENDS_MS,
  );
});

async function onPostgres(postgres: PostgresDatabases): Promise<Record<string, string>> {
  return { DATABASE_URL: await postgres.newPreparedDatabase() };
}

async function expectNothingLost(
  name: string,
  rounds: number,
  replicaCount: number,
  variables: () => Promise<Record<string, string>>,
): Promise<void> {
  const diary = new KillDiary();
  const elements = await KillElements.start();
  const all = { ...(await variables()), STORAGE_ELEMENTS: elements.configuration };
  const replicas = await KillReplicas.start(replicaCount, all, diary);
  const uploads = new KillUploads(replicas.token, () => replicas.anyOrigin, diary);
  try {
    await untilAccepting(uploads);
    for (let round = 0; round < rounds; round += 1) await killOnce(replicas, round % replicaCount);
    elements.calm();
    await uploads.finish();
    await untilDelivered(replicas, uploads);
    const report = await settledReport(elements, uploads);
    print(name, rounds, report);
    expect(elements.stories(uploads.files, diary)).toEqual([]);
    expect(report).toMatchObject({ lost: 0, doubled: 0, unexplained: 0 });
    expect(await replicas.leftOvers()).toEqual([]);
  } finally {
    await replicas.dispose();
    await uploads.abandon();
    await elements.close();
  }
}

/** The first promise makes the database, which is not what is killed here. */
async function untilAccepting(uploads: KillUploads): Promise<void> {
  const deadline = Date.now() + FIRST_PROMISE_MS;
  while (accepted(uploads).length === 0) {
    if (Date.now() > deadline) throw new Error('no upload was accepted');
    await sleep(50);
  }
}

function accepted(uploads: KillUploads): string[] {
  return uploads.acknowledged.flatMap(({ acknowledged }) =>
    acknowledged?.status === 202 ? [acknowledged.uploadId] : [],
  );
}

async function killOnce(replicas: KillReplicas, index: number): Promise<void> {
  await sleep(randomInt(MAX_LIFE_MS));
  await replicas.kill(index);
  await replicas.restart(index);
}

async function untilDelivered(replicas: KillReplicas, uploads: KillUploads): Promise<void> {
  const deadline = Date.now() + LAST_DELIVERY_MS;
  let waiting = accepted(uploads);
  while (waiting.length > 0 || (await replicas.acceptedFiles()).length > 0) {
    if (Date.now() > deadline) throw new Error(`not delivered: ${waiting.join(', ')}\n${replicas.output()}`);
    const statuses = await Promise.all(waiting.map((id) => replicas.statusOf(id)));
    waiting = waiting.filter((_, index) => statuses[index] !== 'active');
    await sleep(200);
  }
}

/** A copy that an element came to have too late is removed after a while. */
async function settledReport(elements: KillElements, uploads: KillUploads): Promise<KillReport> {
  const deadline = Date.now() + LAST_REMOVAL_MS;
  for (;;) {
    const report = elements.compare(uploads.files);
    if (report.doubled === 0 || Date.now() > deadline) return report;
    await sleep(200);
  }
}

function print(name: string, rounds: number, { acknowledged, lost, doubled }: KillReport): void {
  process.stdout.write(
    `kill test, ${name}: ${rounds} rounds, ${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled\n`,
  );
}
