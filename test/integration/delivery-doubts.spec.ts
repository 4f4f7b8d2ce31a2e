import { expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { describeDelivery, type DeliveryStage, elementsOf } from './delivery-stage.js';

/** The element keeps files, and its answers get lost; nor does it say in time what it has. */
const SILENT = { STORAGE_REQUEST_TIMEOUT_MS: '300' };

function fallSilent({ element }: DeliveryStage): void {
  element.options.fault = { kind: 'lost-answer' };
  element.options.delayMs = 1_000;
}

/** Uploads that the element has read to their end. */
const sent = ({ uploads }: StorageElementServer): number =>
  uploads.filter(({ state }) => state === 'finished').length;

describeDelivery('a delivery whose answer was lost', (start) => {
  it('asks the element, and sends nothing a second time', async () => {
    const stage = await start({ ...SILENT, DELIVERY_MAX_ATTEMPTS: '2' });
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

  it('sends nothing to another element meanwhile', async () => {
    const [first, second] = await Promise.all([
      StorageElementServer.start({ fault: { kind: 'lost-answer' }, delayMs: 1_000 }),
      StorageElementServer.start(),
    ]);
    const stage = await start({ ...SILENT, STORAGE_ELEMENTS: elementsOf(first.url, second.url) });
    const uploadId = await stage.accept(undefined, { prefer: 'respond-async' });
    await stage.untilTask(uploadId, { reason: 'in_doubt', doubtful_targets: ['storage:se-1'] });
    first.options.delayMs = 0;
    await stage.untilStatus(uploadId, 'active');
    expect([sent(first), sent(second)]).toEqual([1, 0]);
    expect(await stage.task(uploadId)).toMatchObject({ target: 'storage:se-1' });
    await Promise.all([first.close(), second.close()]);
  });

  it('is sent again once the element says that it has nothing', async () => {
    const stage = await start(SILENT);
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

  it('is a dead letter when the element has other bytes under its id', async () => {
    const stage = await start(SILENT);
    const uploadId = await stage.accept();
    fallSilent(stage);
    await stage.untilTask(uploadId, { state: 'waiting', doubtful_targets: ['storage:se-1'] });
    const [file] = stage.element.files.values();
    if (file) stage.element.files.set(uploadId, { ...file, sha256: '0'.repeat(64) });
    stage.element.options.delayMs = 0;
    await stage.untilTask(uploadId, { state: 'dead', reason: 'CONFLICT' });
    expect(stage.element.files.size).toBe(1);
  });

  it('is a dead letter in doubt when the element stays silent for too long', async () => {
    const stage = await start({ ...SILENT, DELIVERY_MAX_DOUBT_MS: '700' });
    const uploadId = await stage.accept();
    fallSilent(stage);
    await eventually(() =>
      stage.untilTask(uploadId, { state: 'dead', reason: 'in_doubt' }).then(() => undefined),
    );
    expect(await stage.task(uploadId)).toMatchObject({ doubtful_targets: ['storage:se-1'] });
    expect(sent(stage.element)).toBe(1);
  });
});
