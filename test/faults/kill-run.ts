import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import type { PostgresDatabases } from '../support/postgres-databases.js';
import { KillDiary } from './kill-diary.js';
import { type KillElementKind, KillElements, type KillReport } from './kill-elements.js';
import { KillReplicas, type KillSetting } from './kill-replicas.js';
import { KillUploads } from './kill-uploads.js';

/** A process lives so long before it is killed, from the moment when it listens: at most this. */
const MAX_LIFE_MS = 2_000;

const FIRST_PROMISE_MS = 60_000;
const LAST_DELIVERY_MS = 60_000;
const LAST_REMOVAL_MS = 30_000;

/** What a run takes at most beside its rounds. */
export const ENDS_MS = FIRST_PROMISE_MS + LAST_DELIVERY_MS + LAST_REMOVAL_MS;

/** What is done to replicas while clients upload and files are delivered. */
export interface KillPlan extends KillSetting {
  readonly name: string;
  readonly rounds: number;
  /** Storage elements; unset: three behind HTTP. */
  readonly elements?: readonly KillElementKind[];
  /** Bytes of the files that clients send. */
  readonly sizes?: readonly number[];
  /** Of the service, beside those that all runs have. */
  readonly variables: Record<string, string>;
  /** Does one of the replicas its harm, and brings it back. */
  round(replicas: KillReplicas, index: number): Promise<void>;
  /** Looks at the replicas once all is delivered, while those of the last round still run. */
  afterwards?(replicas: KillReplicas): void;
}

export async function onPostgres(postgres: PostgresDatabases): Promise<Record<string, string>> {
  return { DATABASE_URL: await postgres.newPreparedDatabase() };
}

/** Kills a replica some time after it has begun to listen, and starts it anew. */
export async function killOnce(replicas: KillReplicas, index: number): Promise<void> {
  await sleep(randomInt(MAX_LIFE_MS));
  await replicas.kill(index);
  await replicas.restart(index);
}

/** Runs the rounds, lets everything be delivered, and holds what clients were promised against what elements have. */
export async function expectNothingLost(plan: KillPlan): Promise<void> {
  const diary = new KillDiary();
  const elements = await KillElements.start(plan.elements ?? ['http', 'http', 'http'], diary);
  const all = { ...plan.variables, STORAGE_ELEMENTS: elements.configuration };
  const replicas = await KillReplicas.start(plan, all, diary);
  const { token } = replicas;
  const uploads = new KillUploads({ token, origin: () => replicas.anyOrigin, diary, sizes: plan.sizes });
  try {
    await untilAccepting(uploads);
    for (let round = 0; round < plan.rounds; round += 1)
      await plan.round(replicas, round % plan.replicaCount);
    elements.calm();
    await uploads.finish();
    await untilDelivered(replicas, uploads);
    const report = await settledReport(elements, uploads);
    print(plan, report);
    plan.afterwards?.(replicas);
    expect(elements.stories(uploads.files, diary)).toEqual([]);
    expect(report).toMatchObject({ lost: 0, doubled: 0, unexplained: 0 });
    elements.age();
    expect(await replicas.leftOvers()).toEqual([]);
    await eventually(() => Promise.resolve(expect(elements.leftParts).toEqual([])));
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

function print({ name, rounds }: KillPlan, { acknowledged, lost, doubled }: KillReport): void {
  process.stdout.write(
    `kill test, ${name}: ${rounds} rounds, ${acknowledged} acknowledged, ${lost} lost, ${doubled} doubled\n`,
  );
}
