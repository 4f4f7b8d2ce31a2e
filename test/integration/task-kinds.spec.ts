import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Injectable, Module } from '@nestjs/common';
import { AppModule } from '../../src/app.module.js';
import { DeliveryModule } from '../../src/delivery/delivery.module.js';
import { type TaskKind, TaskKinds } from '../../src/delivery/task-kinds.service.js';
import type { AttemptOutcome } from '../../src/delivery/worker/attempt-outcome.js';
import type { HeldTask } from '../../src/delivery/worker/held-task.js';
import { Database } from '../../src/database/database.service.js';
import { type AcceptingService, type Json, metric, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';

const OLGA = { sub: 'olga', role: 'admin' };

/** A fourth kind of task: it is told of every file that is stored. */
@Injectable()
class Announcement implements TaskKind {
  static announced: string[] = [];
  static outcome: AttemptOutcome = { kind: 'succeeded' };
  readonly name = 'announcement';
  readonly lanes = { announcement: 2 };
  readonly doneAs = 'announced';
  readonly needsFile = false;
  readonly reconciles = false;
  readonly followsStored = true;

  constructor(kinds: TaskKinds) {
    kinds.add(this);
  }

  async attempt(held: HeldTask): Promise<AttemptOutcome> {
    const { uploadId, storedAt } = held.claimed.upload;
    await held.beginAttempt('listener');
    held.endAttempt({ outcome: 'announced', code: null, statusCode: null, detail: null });
    Announcement.announced.push(`${uploadId} at ${storedAt}`);
    return Announcement.outcome;
  }
}

@Module({ imports: [DeliveryModule], providers: [Announcement] })
class AnnouncementModule {}

describe('a kind of task that only this file knows', () => {
  let service: AcceptingService;

  beforeAll(() => {
    const forRoot = AppModule.forRoot.bind(AppModule);
    jest.spyOn(AppModule, 'forRoot').mockImplementation((environment) => {
      const root = forRoot(environment);
      return { ...root, imports: [...(root.imports ?? []), AnnouncementModule] };
    });
  });
  afterAll(() => {
    jest.restoreAllMocks();
  });

  beforeEach(async () => {
    Announcement.announced = [];
    Announcement.outcome = { kind: 'succeeded' };
    service = await startAccepting();
  });
  afterEach(() => service.close());

  const untilAnnounced = (id: string): Promise<void> =>
    eventually(() => Promise.resolve(expect(Announcement.announced).toContain(`${id} at storage:se-1`)));

  it('follows a file that is stored at once', async () => {
    service.element.options.fault = undefined;
    const id = randomUUID();
    expect((await service.put(id, randomBytes(1_000))).status).toBe(201);
    await untilAnnounced(id);
    await eventually(async () => {
      expect(await metric(service, 'delivery_jobs_total{outcome="announced"}')).toBe(1);
    });
  });

  it('follows a file that is delivered later, and not before', async () => {
    const id = randomUUID();
    expect((await service.put(id, randomBytes(1_000))).status).toBe(202);
    expect(Announcement.announced).toEqual([]);
    service.element.options.fault = undefined;
    await untilAnnounced(id);
    await service.untilStatus(id, 'active');
  });

  it('becomes a dead letter of its own, which operators find and redeliver', async () => {
    service.element.options.fault = undefined;
    Announcement.outcome = { kind: 'refused', reason: 'INTERNAL_ERROR' };
    const id = randomUUID();
    await service.put(id, randomBytes(1_000));
    const letters = async (): Promise<Json[]> => {
      const answer = await service.call('/api/v1/dead-letters?kind=announcement', {}, OLGA);
      return ((await answer.json()) as { items: Json[] }).items;
    };
    await eventually(async () => {
      expect(await letters()).toMatchObject([{ upload_id: id, kind: 'announcement', has_content: false }]);
    });
    expect((await service.call(`/api/v1/files/${id}`)).status).toBe(200);
    Announcement.outcome = { kind: 'succeeded' };
    const [letter] = await letters();
    const path = `/api/v1/dead-letters/${String(letter?.id)}/redeliver`;
    expect((await service.call(path, { method: 'POST' }, OLGA)).status).toBe(202);
    await eventually(async () => {
      const rows = await service.running.app
        .get(Database, { strict: false })
        .query('SELECT kind, state FROM ingester.tasks');
      expect(rows).toEqual([{ kind: 'announcement', state: 'done' }]);
    });
  });

  it('is not asked for where it is unknown', async () => {
    const answer = await service.call('/api/v1/dead-letters?kind=scan', {}, OLGA);
    expect([answer.status, await answer.json()]).toMatchObject([400, { code: 'VALIDATION_ERROR' }]);
  });
});
