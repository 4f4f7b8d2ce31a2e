import * as fc from 'fast-check';
import { inLongRun, isLongRun } from '../support/long-run.js';
import { type Beginning, ModelledUpload, type Step } from './modelled-upload.js';
import { UPLOAD_DIALECTS } from './upload-dialects.js';
import type { UploadReplicas } from './upload-replicas.js';

/** A long run has others each time; `TEST_SEED` repeats one. */
export const MODEL_SEED = Number(process.env.TEST_SEED ?? inLongRun(Date.now() % 2 ** 31, 20_261_130));
const LONG_MINUTES = Number(process.env.MODEL_MINUTES ?? '5');
export const MODEL_TIMEOUT_MS = inLongRun(LONG_MINUTES * 60_000 + 120_000, 120_000);
const MOST_STEPS = inLongRun(20, 10);
/** As many as there is time for in a long run. */
const UPLOADS = inLongRun(1_000_000, 8);
const MOST_BYTES = 400_000;

const at = fc.nat(1);
const fraction = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const afterMs = fc.constantFrom(0, 5, 40);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('ask'), at }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append'),
      at,
      part: fraction,
      check: fc.constantFrom('none', 'none', 'right', 'wrong'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('cut'),
      at,
      part: fraction,
      reach: fraction,
      afterMs,
      isChecked: fc.boolean(),
      how: fc.constantFrom('reset', 'reset', 'close', 'close', 'kill'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('take over'),
      at,
      by: at,
      part: fraction,
      reach: fraction,
      afterMs,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('twice'), at, by: at, part: fraction }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('stray'), at, by: fc.integer({ min: -1000, max: 1000 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart'), at, signal: fc.constantFrom('SIGTERM', 'SIGKILL') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove'), at }) },
);

const beginning: fc.Arbitrary<Beginning> = fc.record({
  at,
  size: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: MOST_BYTES })),
  isDeferred: fc.boolean(),
  part: fc.oneof(fc.constant(0), fraction),
});

/** Takes random uploads through random steps; says how many there were of each, and gives the number of uploads. */
export async function holdAgainstModel(name: string, replicas: UploadReplicas): Promise<number> {
  const counts: Record<string, number> = {};
  let underWay: Promise<void> = Promise.resolve();
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const upload = fc.asyncProperty(
    fc.constantFrom('tus' as const, 'ietf' as const),
    beginning,
    fc.array(step, { minLength: 3, maxLength: MOST_STEPS, size: 'max' }),
    (protocol, begun, steps) => {
      underWay = takeThrough(new ModelledUpload(replicas, UPLOAD_DIALECTS[protocol], begun, count));
      return underWay;

      async function takeThrough(modelled: ModelledUpload): Promise<void> {
        await modelled.create();
        for (const each of steps) await modelled.take(each);
        await modelled.finish(begun.at);
        count(protocol);
      }
    },
  );
  try {
    await fc.assert(upload, {
      seed: MODEL_SEED,
      numRuns: UPLOADS,
      // Also for a failure that is made smaller: the smallest that was found until then is shown.
      interruptAfterTimeLimit: isLongRun ? LONG_MINUTES * 60_000 : 45_000,
    });
  } finally {
    // Where the time is over, nobody waits for the last one: it may be about to start a process.
    await underWay.catch(() => undefined);
  }
  process.stdout.write(`uploads against a model, ${name}, seed ${MODEL_SEED}: ${JSON.stringify(counts)}\n`);
  return (counts.tus ?? 0) + (counts.ietf ?? 0);
}
