import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Deliveries } from '../../src/delivery/deliveries.service.js';
import { intentOf } from '../../src/delivery/follow-ups/follow-up-intent.js';
import { FollowUps } from '../../src/delivery/follow-ups/follow-ups.service.js';
import { IntentFiles } from '../../src/delivery/spool/intent-files.service.js';
import { UploadsLedger } from '../../src/delivery/uploads-ledger.service.js';
import { startAccepting } from '../support/accepted-service.js';

describe('what was noted in the spool', () => {
  it('is brought into the database until the service ends; what is left stays', async () => {
    const service = await startAccepting();
    const { app } = service.running;
    const intents = app.get(IntentFiles, { strict: false });
    const followUps = app.get(FollowUps, { strict: false });
    for (let index = 0; index < 5; index += 1) await intents.write(...noteOfCopy(randomUUID()));
    const remove = intents.remove.bind(intents);
    const ended: Promise<void>[] = [];
    intents.remove = (id) => {
      ended.push(followUps.beforeApplicationShutdown());
      return remove(id);
    };
    expect(await followUps.importIntents()).toBe(1);
    await Promise.all(ended);
    expect(await intents.list()).toHaveLength(4);
    await service.close();
  });
});

describe('a stored file of the id of a dead letter', () => {
  it('does not take its place where the bytes are others', async () => {
    const service = await startAccepting({ DELIVERY_MAX_ATTEMPTS: '1' });
    const { app } = service.running;
    const id = randomUUID();
    expect((await service.put(id, randomBytes(100))).status).toBe(202);
    await service.untilStatus(id, 'dead');
    const record = await app.get(UploadsLedger, { strict: false }).find(id);
    if (!record) throw new Error(`${id} is not known`);
    const note = async (sha256: string): Promise<void> => {
      const digest = { ...record.digest, sha256 };
      const placed = { target: 'storage:se-1', file: { fileId: id, ...digest } };
      const copies = [{ target: 'storage:se-2', unverified: false, answered: true }];
      const upload = { file: record.file, digest, placed, idIsCallers: true, copies };
      await app.get(Deliveries, { strict: false }).followUp(upload);
    };
    await note('a'.repeat(64));
    expect(await service.untilStatus(id, 'dead')).toMatchObject({ checksum: record.digest.sha256 });
    expect(await service.spooled()).toEqual([record.spoolFile]);
    await note(record.digest.sha256);
    await service.untilStatus(id, 'active');
    await service.close();
  });
});

describe('a note of a file that is to be delivered as well', () => {
  it('leaves it to its delivery where it comes late, and has that ask there first', async () => {
    const service = await startAccepting();
    const { app } = service.running;
    const id = randomUUID();
    const bytes = randomBytes(100);
    expect((await service.put(id, bytes, { prefer: 'respond-async' })).status).toBe(202);
    const record = await app.get(UploadsLedger, { strict: false }).find(id);
    if (!record) throw new Error(`${id} is not known`);
    const { file, digest } = record;
    const stored = { target: 'storage:se-1', fileId: id };
    const intent = { uploadId: id, idIsCallers: true, file, digest, stored, copies: [], kinds: [] };
    await app.get(IntentFiles, { strict: false }).write(id, intentOf(intent));
    expect(await app.get(FollowUps, { strict: false }).importIntents()).toBe(1);
    // It is gone from there by now.
    expect(await service.spooled()).toEqual([record.spoolFile]);
    service.element.options.fault = undefined;
    await service.untilStatus(id, 'active');
    expect(service.element.files.get(id)).toMatchObject({ sha256: digest.sha256 });
    await service.close();
  });
});

/** As it is written for a file of which another element may have a copy. */
function noteOfCopy(uploadId: string): [string, object] {
  const file = {
    fileId: uploadId,
    originalFilename: 'a.bin',
    contentType: 'application/octet-stream',
    description: null,
    tags: [],
    metadata: {},
    retentionPolicy: 'temporary' as const,
    ttlDays: 30,
    uploadedBy: 'alice',
    uploadedByUsername: null,
    uploadedAt: new Date(),
  };
  const digest = { size: 1, sha256: 'a'.repeat(64) };
  const stored = { target: 'storage:se-1', fileId: uploadId };
  const copies = [{ target: 'storage:se-2', unverified: false, answered: false }];
  return [uploadId, intentOf({ uploadId, idIsCallers: false, file, digest, stored, copies, kinds: [] })];
}
