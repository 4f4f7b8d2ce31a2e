import { randomBytes } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { describeDeliveryOnBoth, type DeliveryStage } from './delivery-stage.js';

/** Has a file accepted that goes to elements of mode `rw`. */
async function acceptPermanent(stage: DeliveryStage): Promise<string> {
  const body = new FormData();
  body.append('retention_policy', 'permanent');
  body.append('file', new Blob([new Uint8Array(randomBytes(1_000))]), 'p.bin');
  const headers = { prefer: 'respond-async' };
  const answer = await stage.call('/api/v1/files/upload', { method: 'POST', headers, body });
  return ((await answer.json()) as { upload_id: string }).upload_id;
}

describeDeliveryOnBoth('the order of deliveries', (start) => {
  it('does not let an element that hangs keep the files of others waiting', async () => {
    const [hanging, quick] = await Promise.all([
      StorageElementServer.start({ fault: { kind: 'stall', afterBytes: 1 } }),
      StorageElementServer.start(),
    ]);
    const stage = await start({
      DELIVERY_CONCURRENCY: '3',
      STORAGE_COMMIT_TIMEOUT_MS: '60000',
      STORAGE_ELEMENTS: JSON.stringify([
        { id: 'se-1', driver: 'http', url: hanging.url, mode: 'edit' },
        { id: 'se-2', driver: 'http', url: quick.url, mode: 'rw' },
      ]),
    });
    const many = Array.from({ length: 12 }, () => stage.accept(undefined, { prefer: 'respond-async' }));
    await Promise.all(many);
    await eventually(async () => {
      // All the places of its lane.
      expect(hanging.uploads.length).toBe(3);
      await Promise.resolve();
    });
    const permanent = await Promise.all([acceptPermanent(stage), acceptPermanent(stage)]);
    for (const uploadId of permanent) await stage.untilStatus(uploadId, 'active');
    expect([...quick.files.keys()].toSorted()).toEqual(permanent.toSorted());
    expect(hanging.files.size).toBe(0);
    await Promise.all([hanging.close(), quick.close()]);
  });

  it('does not let large files keep small ones waiting', async () => {
    const stage = await start({
      DELIVERY_CONCURRENCY: '1',
      DELIVERY_LARGE_CONCURRENCY: '1',
      DELIVERY_LARGE_BYTES: '100000',
      STORAGE_COMMIT_TIMEOUT_MS: '60000',
    });
    stage.element.options.fault = { kind: 'stall', afterBytes: 200_000 };
    const async = { prefer: 'respond-async' };
    const large = await Promise.all([1, 2].map(() => stage.accept(randomBytes(500_000), async)));
    await eventually(async () => {
      expect(stage.element.uploads.at(-1)?.bytes).toBeGreaterThan(200_000);
      await Promise.resolve();
    });
    stage.element.options.fault = undefined;
    const small = await Promise.all([1, 2, 3].map(() => stage.accept(randomBytes(10_000), async)));
    for (const uploadId of small) await stage.untilStatus(uploadId, 'active');
    const states = await Promise.all(large.map((uploadId) => stage.task(uploadId)));
    expect(states.filter(({ state }) => state === 'running')).toHaveLength(1);
  });
});
