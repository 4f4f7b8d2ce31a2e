import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { itSideBySide } from '../support/side-by-side.js';
import { describeDelivery, type DeliveryStage, elementsOf } from './delivery-stage.js';

/** The element keeps files, and its answers get lost; nor does it say in time what it has. */
const SILENT = { STORAGE_REQUEST_TIMEOUT_MS: '300' };

/** With the next file that it is sent; until then it answers. */
function fallSilent({ element: { options } }: DeliveryStage): void {
  options.fault = () => {
    options.delayMs = 1_000;
    return { kind: 'lost-answer' };
  };
}

function comeBack({ element }: DeliveryStage): void {
  element.options.fault = undefined;
  element.options.delayMs = 0;
}

const SPOILT = '0'.repeat(64);

/** As of a file that did not come as a whole, or of another one. */
function spoil({ element: { files } }: DeliveryStage, id: string): void {
  const file = files.get(id);
  if (file) files.set(id, { ...file, sha256: SPOILT });
}

/** Uploads that the element has read to their end. */
const sent = ({ uploads }: StorageElementServer): number =>
  uploads.filter(({ state }) => state === 'finished').length;

describeDelivery('a delivery whose answer was lost', (start) => {
  itSideBySide('asks the element, and sends nothing a second time', async (later) => {
    const stage = await start({ ...SILENT, DELIVERY_MAX_ATTEMPTS: '2' }, later);
    const uploadId = await stage.accept();
    fallSilent(stage);
    await stage.untilTask(uploadId, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
    await stage.untilTask(uploadId, { reason: 'in_doubt' });
    expect(sent(stage.element)).toBe(1);
    stage.element.options.delayMs = 0;
    await stage.untilStatus(uploadId, 'active');
    expect(sent(stage.element)).toBe(1);
    expect([...stage.element.files.keys()]).toEqual([uploadId]);
    expect(await stage.task(uploadId)).toMatchObject({ state: 'done', doubtful_targets: [] });
  });

  itSideBySide('sends nothing to another element meanwhile', async (later) => {
    const [first, second] = await Promise.all([
      StorageElementServer.start({ fault: { kind: 'lost-answer' }, delayMs: 1_000 }),
      StorageElementServer.start(),
    ]);
    const stage = await start({ ...SILENT, STORAGE_ELEMENTS: elementsOf(first.url, second.url) }, later);
    const uploadId = await stage.accept(undefined, { prefer: 'respond-async' });
    await stage.untilTask(uploadId, { reason: 'in_doubt', doubtful_targets: ['storage:se-1'] });
    first.options.delayMs = 0;
    await stage.untilStatus(uploadId, 'active');
    expect([sent(first), sent(second)]).toEqual([1, 0]);
    expect(await stage.task(uploadId)).toMatchObject({ target: 'storage:se-1' });
    await Promise.all([first.close(), second.close()]);
  });

  itSideBySide('is sent again once the element says that it has nothing', async (later) => {
    const stage = await start(SILENT, later);
    const uploadId = await stage.accept();
    fallSilent(stage);
    await stage.untilTask(uploadId, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
    stage.element.files.clear();
    stage.element.options.fault = undefined;
    stage.element.options.delayMs = 0;
    await stage.untilStatus(uploadId, 'active');
    expect(sent(stage.element)).toBe(2);
    expect([...stage.element.files.keys()]).toEqual([uploadId]);
  });

  itSideBySide(
    'is sent again without that time where the element itself says that it failed',
    async (later) => {
      const stage = await start({ STORAGE_COMMIT_TIMEOUT_MS: '60000' }, later);
      const uploadId = await stage.accept();
      stage.element.options.fault = { kind: 'answer', status: 500 };
      await stage.untilTask(uploadId, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
      stage.element.options.fault = undefined;
      await stage.untilStatus(uploadId, 'active');
      expect(sent(stage.element)).toBeGreaterThan(0);
    },
  );

  itSideBySide(
    'is not sent elsewhere while an element that says it has nothing may still finish it',
    async (later) => {
      const [first, second] = await Promise.all([
        StorageElementServer.start({ fault: { kind: 'lost-answer' } }),
        StorageElementServer.start(),
      ]);
      const stage = await start(
        {
          STORAGE_COMMIT_TIMEOUT_MS: '20000',
          STORAGE_ELEMENTS: elementsOf(first.url, second.url),
        },
        later,
      );
      // As an element does that is at work behind a gateway: the file is not there yet.
      const late = new Map(first.files);
      const keep = first.files.set.bind(first.files);
      first.files.set = (id, file) => {
        late.set(id, file);
        return first.files;
      };
      const uploadId = await stage.accept(undefined, { prefer: 'respond-async' });
      await stage.untilTask(uploadId, { reason: 'in_doubt', doubtful_targets: ['storage:se-1'] });
      await sleep(2_500);
      expect([sent(first), sent(second)]).toEqual([1, 0]);
      for (const [id, file] of late) keep(id, file);
      await stage.untilStatus(uploadId, 'active');
      expect([sent(first), sent(second)]).toEqual([1, 0]);
      await Promise.all([first.close(), second.close()]);
    },
  );

  itSideBySide(
    'is not sent again by a process that takes it over from one that was killed, before that time is over',
    async (later) => {
      const stage = await start(
        { DELIVERY_BACKOFF_BASE_MS: '100000', DELIVERY_BACKOFF_MAX_MS: '100000' },
        later,
      );
      const uploadId = await stage.accept();
      const { task_id: taskId } = await stage.untilTask(uploadId, {
        state: 'waiting',
        attempts: 1,
      });
      stage.element.options.fault = undefined;
      const sentBefore = sent(stage.element);
      // As one leaves it who was killed while the last byte went out.
      await stage.query(
        `INSERT INTO ingester.placements (upload_id, target, unverified) VALUES ($1, 'storage:se-1', 0)`,
        uploadId,
      );
      await stage.query(
        `UPDATE ingester.tasks SET state = 'running', phase = 'sending', lease_owner = $2, due_at = ingester.now_ms()
      WHERE task_id = $1`,
        taskId,
        randomUUID(),
      );
      await stage.untilTask(uploadId, { reason: 'in_doubt' });
      expect(sent(stage.element)).toBe(sentBefore);
      await stage.query('UPDATE ingester.placements SET last_byte_at = ingester.now_ms() - 10000');
      await stage.query('UPDATE ingester.tasks SET due_at = ingester.now_ms()');
      await stage.untilStatus(uploadId, 'active');
    },
  );

  itSideBySide('is sent again where what the element has of it is spoilt', async (later) => {
    const stage = await start(SILENT, later);
    const uploadId = await stage.accept();
    fallSilent(stage);
    await stage.untilTask(uploadId, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
    spoil(stage, uploadId);
    comeBack(stage);
    await stage.untilStatus(uploadId, 'active');
    expect(sent(stage.element)).toBe(2);
    expect(stage.element.files.get(uploadId)?.sha256).not.toBe(SPOILT);
  });

  itSideBySide(
    'is a dead letter when the element has other bytes under the id of a caller',
    async (later) => {
      const stage = await start(SILENT, later);
      const id = randomUUID();
      expect((await stage.put(id, randomBytes(1_000))).status).toBe(202);
      fallSilent(stage);
      await stage.untilTask(id, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
      spoil(stage, id);
      comeBack(stage);
      await stage.untilTask(id, { state: 'dead', reason: 'CONFLICT' });
      expect(stage.element.files.get(id)?.sha256).toBe(SPOILT);
    },
  );

  itSideBySide(
    'is asked for at once where the element has refused it as it came in, and could not say what it has',
    async (later) => {
      const stage = await start({ ...SILENT, STORAGE_COMMIT_TIMEOUT_MS: '60000' }, later);
      stage.element.options.fault = { kind: 'answer', status: 503 };
      stage.element.options.delayMs = 1_000;
      const uploadId = await stage.accept();
      await stage.untilTask(uploadId, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
      comeBack(stage);
      expect(await stage.untilStatus(uploadId, 'active')).toMatchObject({ file_id: uploadId });
    },
  );

  itSideBySide('is a dead letter in doubt when the element stays silent for too long', async (later) => {
    const stage = await start({ ...SILENT, DELIVERY_MAX_DOUBT_MS: '700' }, later);
    const uploadId = await stage.accept();
    fallSilent(stage);
    await eventually(() =>
      stage.untilTask(uploadId, { state: 'dead', reason: 'in_doubt' }).then(() => undefined),
    );
    expect(await stage.task(uploadId)).toMatchObject({ doubtful_targets: ['storage:se-1'] });
    expect(sent(stage.element)).toBe(1);
    expect((await stage.history(uploadId)).at(-1)).toMatchObject({
      target: 'storage:se-1',
      outcome: 'in_doubt',
    });
  });
});
