import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import type { ClaimedTask } from './held-task.js';
import { LaneWorker } from './lane-worker.js';

const PLACES = 4;
/** All that a lane knows of a task is that it is one. */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing of it is read
const TASK = {} as ClaimedTask;

describe('a lane', () => {
  const runs: PromiseWithResolvers<void>[] = [];
  const limits: number[] = [];
  let claim: (limit: number) => Promise<ClaimedTask[]>;
  let worker: LaneWorker;

  function start(): void {
    worker = new LaneWorker({
      lane: 'small',
      concurrency: PLACES,
      pollMs: 60_000,
      claim: (_, limit) => {
        limits.push(limit);
        return claim(limit);
      },
      run: () => {
        const run = Promise.withResolvers<void>();
        runs.push(run);
        return run.promise;
      },
      onFailure: (error) => expect(error).toBeUndefined(),
    });
    worker.wake();
  }

  const end = (...indices: number[]): void => indices.forEach((index) => runs[index]?.resolve());
  const untilClaims = (count: number): Promise<void> =>
    eventually(() => Promise.resolve(expect(limits).toHaveLength(count)));

  afterEach(async () => {
    claim = () => Promise.resolve([]);
    end(...runs.keys());
    await worker.stop();
    runs.length = 0;
    limits.length = 0;
  });

  it('claims at once for half of its places, and soon for fewer', async () => {
    claim = (limit) => Promise.resolve(Array.from({ length: limit }, () => TASK));
    start();
    await untilClaims(1);
    end(0, 1);
    await untilClaims(2);
    end(2);
    await untilClaims(3);
    expect(limits).toEqual([4, 2, 1]);
  });

  it('claims for a place that was left while it claimed for others', async () => {
    claim = (limit) => Promise.resolve(Array.from({ length: limit }, () => TASK));
    start();
    await untilClaims(1);
    const answer = Promise.withResolvers<ClaimedTask[]>();
    claim = () => answer.promise;
    end(0, 1);
    await untilClaims(2);
    end(2);
    claim = () => Promise.resolve([TASK]);
    answer.resolve([TASK, TASK]);
    await untilClaims(3);
    expect(limits).toEqual([4, 2, 1]);
  });
});
