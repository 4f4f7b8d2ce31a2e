import { beforeEach, describe, expect, it } from '@jest/globals';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Test } from 'supertest';
import { LedgerPromises } from '../../src/delivery/ledger/ledger-promises.service.js';
import { requestCancel } from '../../src/delivery/ledger/task-ends.js';
import type { SeededLetter } from '../support/dead-letters.js';
import { eventually } from '../support/eventually.js';
import { HOUR_MS, type LetterStage, onBothDatabases, SPACING_MS } from './dead-letters-stage.js';

onBothDatabases((given) => {
  let stage: LetterStage;

  beforeEach(() => {
    stage = given();
  });

  describe('are redelivered', () => {
    it('as if for the first time, and are due', async () => {
      const { taskId, uploadId } = await stage.seed({
        doubtfulTargets: ['storage:se-02'],
        deadAt: new Date(Date.now() - HOUR_MS),
      });
      const before = Date.now();
      const { status, body } = await stage.call('post', `/${taskId}/redeliver`);
      expect(status).toBe(202);
      expect(body).toMatchObject({ id: taskId, state: 'waiting', attempts: 0, reason: null, dead_at: null });
      expect(Date.parse(body.deadline)).toBeGreaterThanOrEqual(before + 604_800_000);
      const task = await stage.stateOf('tasks', taskId);
      // The doubt is not forgotten, and there is as much time as ever to resolve it.
      expect(task).toMatchObject({ state: 'waiting', lease_owner: null });
      expect(body.doubtful_targets).toEqual(['storage:se-02']);
      expect(task.doubt_since).toBeGreaterThanOrEqual(before);
      expect(await stage.stateOf('uploads', uploadId)).toMatchObject({ status: 'accepted', revision: 3 });
      expect(await stage.due()).toEqual([{ task_id: taskId, lane: 'small-temporary' }]);
    });

    it('without being taken for old by the spool, which others need', async () => {
      const deadAt = new Date(Date.now() - 1000 * HOUR_MS);
      const { taskId } = await stage.seed({ deadAt });
      const promises = new LedgerPromises(stage.database, stage.replicas);
      await stage.call('post', `/${taskId}/redeliver`);
      expect(await promises.oldestWaitingAgeMs()).toBeLessThan(60_000);
      const cancelled = await stage.seed({ deadAt });
      await requestCancel(stage.database, cancelled.taskId, HOUR_MS);
      expect(await promises.oldestWaitingAgeMs()).toBeLessThan(60_000);
      await stage.database.query('UPDATE ingester.tasks SET waiting_since = created_at');
      expect(await promises.oldestWaitingAgeMs()).toBeGreaterThan(999 * HOUR_MS);
    });

    it('once, however many operators say so at the same time', async () => {
      const { taskId } = await stage.seed();
      const answers = await Promise.all(
        Array.from({ length: 5 }, () => stage.call('post', `/${taskId}/redeliver`).send({ reason: 'x' })),
      );
      expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([
        202, 409, 409, 409, 409,
      ]);
      expect(answers.find(({ status }) => status === 409)?.body).toMatchObject({ code: 'CONFLICT' });
      expect(await stage.due()).toHaveLength(1);
      expect(await stage.database.query('SELECT * FROM ingester.audit')).toHaveLength(1);
      const lines = stage.running.logged('a dead letter is redelivered');
      expect(lines.filter((line) => line.task_id === taskId)).toHaveLength(1);
    });

    it('as registrations, which leaves the upload what it is', async () => {
      const { taskId, uploadId } = await stage.seed({ kind: 'registration' });
      expect((await stage.call('post', `/${taskId}/redeliver`)).status).toBe(202);
      expect(await stage.stateOf('uploads', uploadId)).toMatchObject({ status: 'active', revision: 1 });
      expect(await stage.due()).toEqual([{ task_id: taskId, lane: 'registration' }]);
    });

    it('not where it cannot be written down', async () => {
      const { taskId, uploadId } = await stage.seed();
      // The next event of the upload is there already.
      const taken = `INSERT INTO ingester.events (upload_id, revision, type, data, at) VALUES ($1, 3, 'dead', '{}', 0)`;
      await stage.database.query(taken, [uploadId]);
      expect((await stage.call('post', `/${taskId}/redeliver`)).status).toBe(500);
      expect(await stage.stateOf('tasks', taskId)).toMatchObject({ state: 'dead', reason: 'STORAGE_FAILED' });
      expect(await stage.due()).toEqual([]);
      expect(await stage.database.query('SELECT * FROM ingester.audit')).toHaveLength(0);
    });
  });

  describe('are redelivered by a filter', () => {
    const order = (body: object): Test => stage.call('post', '/redeliver').send(body);

    it('the oldest first, one after the other, and not again before the last is due', async () => {
      const letters: SeededLetter[] = [];
      for (let index = 0; index < 4; index += 1)
        letters.push(
          await stage.seed({ owner: 'bob', deadAt: new Date(Date.now() - HOUR_MS + index * 1000) }),
        );
      await stage.seed({ owner: 'alice' });
      const { status, body } = await order({ filter: { owner: 'bob' }, reason: 'back again' });
      expect([status, body]).toEqual([
        202,
        { redelivered: 3, remaining: 1, next_order_at: expect.stringMatching(/Z$/) },
      ]);
      const due = await Promise.all(letters.map(({ taskId }) => stage.stateOf('tasks', taskId)));
      expect(due.map(({ state }) => state)).toEqual(['waiting', 'waiting', 'waiting', 'dead']);
      const [first = 0, second, third] = due.map((task) => Number(task.due_at));
      expect([second, third]).toEqual([first + SPACING_MS, first + 2 * SPACING_MS]);
      expect(Date.parse(body.next_order_at)).toBe(first + 3 * SPACING_MS);

      const refused = await order({ filter: {} });
      expect([refused.status, refused.headers['retry-after'], refused.body.code]).toEqual([
        429,
        expect.stringMatching(/^[123]$/),
        'RATE_LIMITED',
      ]);
      expect((await stage.call('post', `/${letters[3]?.taskId}/redeliver`)).status).toBe(202);
      await eventually(async () => {
        expect(await order({ filter: {} })).toMatchObject({
          status: 202,
          body: { redelivered: 1, remaining: 0 },
        });
      });
      expect((await order({ filter: {} })).status).toBe(429);
    });

    it('by one of two orders that come at once', async () => {
      for (let index = 0; index < 4; index += 1) await stage.seed();
      const answers = await Promise.all([order({ filter: {} }), order({ filter: {} })]);
      expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([202, 429]);
    });

    it('as many as are asked for, and none costs no wait', async () => {
      for (let index = 0; index < 2; index += 1) await stage.seed();
      expect((await order({ filter: { owner: 'nobody' } })).body).toMatchObject({
        redelivered: 0,
        remaining: 0,
      });
      expect((await order({ filter: {}, limit: 1 })).body).toMatchObject({ redelivered: 1, remaining: 1 });
    });

    it.each([
      [{}, 'filter'],
      [{ reason: 'STORAGE_FAILED' }, 'filter'],
      [{ filter: [] }, 'filter'],
      [{ filter: 'all' }, 'filter'],
      [{ filter: { ownr: 'bob' } }, 'filter.ownr'],
      [{ filter: { owner: 7 } }, 'filter.owner'],
      [{ filter: { owner: null } }, 'filter.owner'],
      [{ filter: { toString: 'x' } }, 'filter.toString'],
      [{ filter: {}, limit: 0 }, 'limit'],
      [{ filter: {}, limit: null }, 'limit'],
      [{ filter: {}, limt: 1 }, 'limt'],
    ])('not by %j', async (body, field) => {
      await stage.seed();
      const answer = await order(body);
      expect(answer.status).toBe(400);
      expect(answer.body).toMatchObject({ code: 'VALIDATION_ERROR', errors: [{ field }] });
      expect(await stage.idsOf('')).toHaveLength(1);
    });
  });

  describe('are dropped', () => {
    it('with their file, and who did it is written down', async () => {
      const { taskId, uploadId } = await stage.seed({ doubtfulTargets: ['storage:se-02'] });
      const spool = join(stage.running.dataDir, 'spool', 'accepted');
      expect(await readdir(spool)).toContainEqual(expect.stringContaining(uploadId));
      const { status, text } = await stage
        .call('delete', `/${taskId}`)
        .send({ reason: 'its owner sent it again' });
      expect([status, text]).toEqual([204, '']);
      expect(await stage.stateOf('tasks', taskId)).toMatchObject({ state: 'dropped' });
      expect(await stage.stateOf('uploads', uploadId)).toMatchObject({
        status: 'cancelled',
        spool_file: null,
      });
      expect(await readdir(spool)).not.toContainEqual(expect.stringContaining(uploadId));
      const [entry, ...others] = await stage.database.query<{ data: string }>('SELECT * FROM ingester.audit');
      expect(others).toEqual([]);
      expect(entry).toMatchObject({
        who: 'olga',
        action: 'drop',
        subject: taskId,
        reason: 'its owner sent it again',
      });
      expect(JSON.parse(entry?.data ?? '')).toEqual({
        upload_id: uploadId,
        kind: 'delivery',
        died_of: 'STORAGE_FAILED',
        attempts: 1,
        doubtful_targets: ['storage:se-02'],
      });
      const lines = stage.running.logged('a dead letter is dropped');
      expect(lines.filter((line) => line.task_id === taskId)).toMatchObject([
        { by: 'olga', reason: 'its owner sent it again', died_of: 'STORAGE_FAILED' },
      ]);
      expect((await stage.call('delete', `/${taskId}`).send({ reason: 'x' })).status).toBe(409);
      expect((await stage.call('post', `/${taskId}/redeliver`)).status).toBe(409);
      expect((await stage.call('get', `/${taskId}/content`)).status).toBe(404);
      expect(await stage.idsOf('')).toEqual([]);
    });

    it('as registrations, whose file stays stored', async () => {
      const { taskId, uploadId } = await stage.seed({ kind: 'registration' });
      expect((await stage.call('delete', `/${taskId}`).send({ reason: 'x' })).status).toBe(204);
      expect(await stage.stateOf('uploads', uploadId)).toMatchObject({ status: 'active' });
    });

    it.each([
      undefined,
      {},
      { reason: '' },
      { reason: ' \t ' },
      { reason: 'x'.repeat(501) },
      { reason: 'x', force: true },
    ])('not with the body %j', async (body) => {
      const { taskId } = await stage.seed();
      const { status } = await stage.call('delete', `/${taskId}`).send(body);
      expect(status).toBe(400);
      expect(await stage.stateOf('tasks', taskId)).toMatchObject({ state: 'dead' });
    });
  });
});
