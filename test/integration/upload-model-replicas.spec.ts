import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { ModelledUpload, type Step } from './modelled-upload.js';
import { UPLOAD_DIALECTS } from './upload-dialects.js';
import { holdAgainstModel, MODEL_SEED, MODEL_TIMEOUT_MS } from './upload-model.js';
import { UploadReplicas } from './upload-replicas.js';

const ROUNDS = inLongRun(200, 10);

/** What came out by chance once, and is tried again and again: much of it depends on who is first. */
const ENDS: readonly [string, readonly Step[]][] = [
  [
    'whose last piece is sent to both at once',
    [
      { kind: 'twice', at: 0, by: 1, part: 1 },
      { kind: 'ask', at: 0 },
      { kind: 'append', at: 0, part: 0, check: 'none' },
    ],
  ],
  [
    'whose client leaves after the last byte, and asks the other',
    [
      { kind: 'cut', at: 1, part: 1, reach: 1, afterMs: 0, isChecked: true, how: 'close' },
      { kind: 'ask', at: 0 },
      { kind: 'append', at: 0, part: 0, check: 'none' },
    ],
  ],
  [
    'that is complete at one, and removed at the other',
    [
      { kind: 'append', at: 0, part: 1, check: 'none' },
      { kind: 'remove', at: 1 },
      { kind: 'append', at: 0, part: 0, check: 'none' },
    ],
  ],
];

describe('an upload in any number of requests at two replicas on one spool', () => {
  let postgres: PostgresDatabases;
  let replicas: UploadReplicas;

  beforeAll(async () => {
    postgres = await openPostgres();
    replicas = await UploadReplicas.start(await postgres.newPreparedDatabase());
  });
  afterAll(async () => {
    await replicas.close();
    await postgres.dispose();
  });

  it.each(ENDS)('%s ends in one way at both', async (_name, steps) => {
    const begun = { at: 0, size: 2, isDeferred: false, part: 0 };
    let done = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const upload = new ModelledUpload(replicas, UPLOAD_DIALECTS.tus, begun, () => undefined);
      await upload.create();
      for (const step of steps) await upload.take(step);
      await upload.finish(0);
      done += 1;
    }
    expect(done).toBe(ROUNDS);
  });

  it(
    `keeps what it has told, whatever happens, and becomes one file (seed ${MODEL_SEED})`,
    async () => {
      expect(await holdAgainstModel('at two replicas', replicas)).toBeGreaterThan(0);
    },
    MODEL_TIMEOUT_MS,
  );
});
