import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { intentOf } from '../../src/delivery/follow-ups/follow-up-intent.js';
import { FollowUps } from '../../src/delivery/follow-ups/follow-ups.service.js';
import { IntentFiles } from '../../src/delivery/spool/intent-files.service.js';
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
  const copies = [{ target: 'storage:se-2', sent: true, unverified: false, answered: false }];
  return [uploadId, intentOf({ uploadId, idIsCallers: false, file, digest, stored, copies }, [])];
}
