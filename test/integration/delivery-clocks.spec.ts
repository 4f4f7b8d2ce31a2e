import { expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { describeDeliveryOnPostgres, type DeliveryStage } from './delivery-stage.js';

const HOUR_MS = 3_600_000;
const COMMIT_MS = 2_500;
const PATIENT = { STORAGE_REQUEST_TIMEOUT_MS: '300', STORAGE_COMMIT_TIMEOUT_MS: String(COMMIT_MS) };

/** The clock of the database is so much ahead of that of this machine from now on. */
async function setAhead(stage: DeliveryStage, ms: number): Promise<void> {
  await stage.query(`CREATE OR REPLACE FUNCTION ingester.now_ms() RETURNS bigint LANGUAGE sql STABLE
    AS $$ SELECT (extract(epoch FROM now()) * 1000)::bigint + ${ms} $$`);
}

/** When files were sent to the element. */
const sentAt = ({ element }: DeliveryStage): number[] =>
  element.requests.filter(({ method }) => method === 'POST').map(({ at }) => at.getTime());

describeDeliveryOnPostgres('a delivery by a clock that is not that of the database', (start) => {
  it.each([HOUR_MS, -HOUR_MS])('waits and is tried again as ever, %i ms apart', async (ahead) => {
    const stage = await start({ DELIVERY_LEASE_MS: '2000', DELIVERY_MAX_AGE_MS: '600000' });
    await setAhead(stage, ahead);
    const id = await stage.accept();
    await eventually(async () => expect((await stage.task(id)).attempts).toBeGreaterThan(2));
    stage.element.options.fault = undefined;
    await stage.untilStatus(id, 'active');
  });

  it.each([HOUR_MS, -HOUR_MS])(
    'is sent again when an element has had its time to finish it, neither before nor long after, %i ms apart',
    async (ahead) => {
      const stage = await start(PATIENT);
      await setAhead(stage, ahead);
      Object.assign(stage.element.options, { fault: { kind: 'lost-answer' } });
      // What it was given is nowhere to be seen.
      stage.element.files.set = () => stage.element.files;
      const id = await stage.accept(undefined, { prefer: 'respond-async' });
      await stage.untilTask(id, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
      Reflect.deleteProperty(stage.element.files, 'set');
      stage.element.options.fault = undefined;
      await stage.untilStatus(id, 'active');
      const [first = 0, second = 0, ...others] = sentAt(stage);
      expect(second - first).toBeGreaterThanOrEqual(COMMIT_MS - 100);
      expect(others).toEqual([]);
    },
  );
});
