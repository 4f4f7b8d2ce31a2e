import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { WakeUps } from '../../src/delivery/wake-ups.service.js';
import { LaneWorker } from '../../src/delivery/worker/lane-worker.js';
import { type DeliveryFloor, startDeliveryFloor } from '../support/delivery-floor.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { insertTask } from './delivery-subject.js';

const LANE = 'large-temporary';
/** Nobody looks by himself before a test is over. */
const NEVER_MS = 60_000;
const WELL_BEFORE_MS = 15_000;
const LISTENERS = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'`;

describe('a task that another process has committed', () => {
  let postgres: PostgresDatabases;
  let promising: DeliveryFloor;
  let working: DeliveryFloor;
  let wakeUps: WakeUps;
  let stop: (() => Promise<void>) | undefined;
  let claimed: string[];

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  beforeEach(async () => {
    claimed = [];
    const variables = { DATABASE_URL: await postgres.newPreparedDatabase() };
    [promising, working] = await Promise.all([startDeliveryFloor(variables), startDeliveryFloor(variables)]);
    wakeUps = new WakeUps(promising.database);
    await promising.database.open();
  });
  afterEach(async () => {
    await stop?.();
    await Promise.all([promising.close(), working.close()]);
  });

  /** Works on the lane, and looks by itself so often. */
  async function startWorker(pollMs: number): Promise<void> {
    const worker = new LaneWorker({
      lane: LANE,
      concurrency: 4,
      pollMs,
      claim: (lane, limit) => working.tasks.claim(lane, limit),
      run: ({ task }) => {
        claimed.push(task.task_id);
        return Promise.resolve();
      },
      onFailure: (error) => {
        throw error;
      },
    });
    stop = () => worker.stop();
    new WakeUps(working.database).onWake((lane) => {
      if (lane === LANE) worker.wake();
    });
    await working.database.open();
    worker.wake();
    await untilHeard(2);
  }

  /** Waits until so many processes listen. */
  function untilHeard(count: number): Promise<void> {
    return eventually(async () => expect(await promising.database.query(LISTENERS)).toHaveLength(count));
  }

  function expectClaimed(...ids: string[]): Promise<void> {
    return eventually(() => {
      expect(claimed.toSorted()).toEqual(ids.toSorted());
      return Promise.resolve();
    }, WELL_BEFORE_MS);
  }

  it('is claimed when that is told, long before anybody looks by himself', async () => {
    await startWorker(NEVER_MS);
    const first = await insertTask(promising.database, { lane: LANE });
    wakeUps.wake([LANE]);
    await expectClaimed(first);
    const rest = [
      await insertTask(promising.database, { lane: LANE }),
      await insertTask(promising.database, { lane: LANE }),
    ];
    wakeUps.wake([LANE]);
    wakeUps.wake(['registration', LANE]);
    await expectClaimed(first, ...rest);
  });

  it('is claimed later by who looks for himself, where nobody tells', async () => {
    await startWorker(200);
    const taskId = await insertTask(promising.database, { lane: LANE });
    await expectClaimed(taskId);
  });

  it('is claimed by who looks for himself, while he hears nothing', async () => {
    await startWorker(200);
    await cutListeners();
    const taskId = await insertTask(promising.database, { lane: LANE });
    wakeUps.wake([LANE]);
    await expectClaimed(taskId);
  });

  it('is heard of again after the connection was cut', async () => {
    await startWorker(NEVER_MS);
    await cutListeners();
    await untilHeard(2);
    const taskId = await insertTask(promising.database, { lane: LANE });
    wakeUps.wake([LANE]);
    await expectClaimed(taskId);
  });

  async function cutListeners(): Promise<void> {
    await promising.database.query(`SELECT pg_terminate_backend(pid) FROM (${LISTENERS}) AS listeners`);
    await untilHeard(0);
  }
});

describe('lanes that are woken', () => {
  let floor: DeliveryFloor;

  beforeAll(async () => {
    floor = await startDeliveryFloor();
  });
  afterAll(() => floor.close());

  it('hear of it at once in their own process, and of no other lane', () => {
    const heard: string[] = [];
    const own = new WakeUps(floor.database);
    own.onWake((lane) => heard.push(lane));
    own.wake(['removal']);
    expect(heard).toEqual(['removal']);
    own.wake([]);
    expect(heard).toEqual(['removal']);
  });
});
