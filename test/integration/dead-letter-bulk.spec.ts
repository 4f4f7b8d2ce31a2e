import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Test } from 'supertest';
import { tokenOf } from '../../src/delivery/dead-letters/preview-token.js';
import type { SeededLetter } from '../support/dead-letters.js';
import { HOUR_MS, type LetterStage, onBothDatabases } from './dead-letters-stage.js';

const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * HOUR_MS);

onBothDatabases((given) => {
  let stage: LetterStage;

  beforeEach(() => {
    stage = given();
  });

  const preview = (body: object): Test => stage.call('post', '/preview').send(body);
  const drop = (body: object): Test => stage.call('post', '/drop').send({ reason: 'gone', ...body });
  const statesOf = async (letters: readonly SeededLetter[]): Promise<unknown[]> =>
    (await Promise.all(letters.map(({ taskId }) => stage.stateOf('tasks', taskId)))).map(
      ({ state }) => state,
    );

  async function tokenFor(action: string, filter: object): Promise<string> {
    const { status, body } = await preview({ action, filter });
    if (status !== 200) throw new Error(`The preview was answered with ${status}`);
    return body.token;
  }

  async function seedMany(count: number, owner: string): Promise<SeededLetter[]> {
    const letters: SeededLetter[] = [];
    for (let index = 0; index < count; index += 1)
      letters.push(await stage.seed({ owner, deadAt: hoursAgo(10 - index) }));
    return letters;
  }

  describe('are grouped', () => {
    it('by kind, cause and target, the commonest first', async () => {
      const oldest = hoursAgo(3);
      await stage.seed({ deadAt: oldest });
      await stage.seed();
      await stage.seed({ kind: 'registration', reason: 'ADMIN_UNAVAILABLE', target: 'admin_module' });
      await stage.seed({ reason: 'spool_damaged', owner: 'bob' });
      const { status, body, headers } = await stage.call('get', '/groups');
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      expect(body.groups).toHaveLength(3);
      expect(body.groups[0]).toEqual({
        kind: 'delivery',
        reason: 'STORAGE_FAILED',
        target: 'storage:se-02',
        count: 2,
        oldest_at: oldest.toISOString(),
      });
      const bobs = await stage.call('get', '/groups?owner=bob&newer_than_seconds=3600');
      expect(bobs.body.groups).toMatchObject([{ reason: 'spool_damaged', target: null, count: 1 }]);
    });

    it.each(['?kind=nothing', '?older_than_seconds=x', '?limit=5', '?owner=a&owner=b'])(
      'not by %s',
      async (query) => {
        const { status, body } = await stage.call('get', `/groups${query}`);
        expect([status, body.code]).toEqual([400, 'VALIDATION_ERROR']);
      },
    );
  });

  describe('are previewed', () => {
    it('with their number, bytes, the oldest ones and the filter as it was understood', async () => {
      const letters = await seedMany(7, 'bob');
      await stage.seed({ owner: 'alice' });
      const filter = { owner: 'bob', older_than_seconds: 60 };
      const { status, body } = await preview({ action: 'drop', filter });
      expect(status).toBe(200);
      expect(body).toMatchObject({ action: 'drop', filter, count: 7, bytes: 35 });
      expect(Object.keys(body.filter)).toEqual(['owner', 'older_than_seconds']);
      expect(body.samples.map(({ id }: { id: string }) => id)).toEqual(
        letters.slice(0, 5).map(({ taskId }) => taskId),
      );
      expect(body.oldest_at).toBe(body.samples[0].dead_at);
      expect(Date.parse(body.expires_at) - Date.now()).toBeGreaterThan(500_000);
      expect(await statesOf(letters)).toEqual(Array(7).fill('dead'));
    });

    it('also where there is none', async () => {
      const { body } = await preview({ action: 'redeliver', filter: {} });
      expect(body).toMatchObject({ filter: {}, count: 0, bytes: 0, oldest_at: null, samples: [] });
    });

    it.each([
      [{ filter: {} }, 'action'],
      [{ action: 'keep', filter: {} }, 'action'],
      [{ action: 'drop' }, 'filter'],
      [{ action: 'drop', filter: { ownr: 'x' } }, 'filter.ownr'],
      [{ action: 'drop', filter: { kind: 'nothing' } }, 'kind'],
    ])('not by %j', async (order, field) => {
      const { status, body } = await preview(order);
      expect([status, body.errors.map((error: { field: string }) => error.field)]).toEqual([400, [field]]);
    });
  });

  describe('are dropped by a filter', () => {
    it('a few at a time, the oldest first, each written down, with their files', async () => {
      const letters = await seedMany(4, 'bob');
      const other = await stage.seed({ owner: 'alice' });
      const token = await tokenFor('drop', { owner: 'bob' });
      const first = await drop({ filter: { owner: 'bob' }, token });
      expect([first.status, first.body]).toEqual([200, { dropped: 3, remaining: 1 }]);
      expect(await statesOf([...letters, other])).toEqual(['dropped', 'dropped', 'dropped', 'dead', 'dead']);
      const uploads = await Promise.all(letters.map((letter) => stage.stateOf('uploads', letter.uploadId)));
      expect(uploads.slice(0, 3).map(({ status, spool_file: file }) => [status, file])).toEqual(
        Array.from({ length: 3 }, () => ['cancelled', null]),
      );
      expect((await stage.call('get', `/${letters[0]?.taskId}/content`)).status).toBe(404);
      expect((await stage.call('get', `/${letters[3]?.taskId}/content`)).status).toBe(200);
      const { body } = await stage.read('audit?action=drop');
      expect(body.entries.map(({ subject }: { subject: string }) => subject)).toEqual([
        'dead_letters',
        ...letters
          .slice(0, 3)
          .map(({ taskId }) => taskId)
          .toReversed(),
      ]);
      expect(body.entries[0]).toMatchObject({
        who: 'olga',
        reason: 'gone',
        data: { filter: { owner: 'bob' }, dropped: 3 },
      });
      expect((await drop({ filter: { owner: 'bob' }, token })).body).toEqual({ dropped: 1, remaining: 0 });
      expect((await drop({ filter: { owner: 'bob' }, token })).body).toEqual({ dropped: 0, remaining: 0 });
    });

    it('no more than are asked for, and only those that were dead at the preview', async () => {
      const [first, second] = await seedMany(2, 'bob');
      const token = await tokenFor('drop', {});
      const later = await stage.seed({ owner: 'bob', deadAt: new Date(Date.now() + 1000) });
      expect((await drop({ filter: {}, token, limit: 1 })).body).toEqual({ dropped: 1, remaining: 1 });
      expect((await drop({ filter: {}, token })).body).toEqual({ dropped: 1, remaining: 0 });
      expect(await statesOf([first, second, later].filter((letter) => letter !== undefined))).toEqual([
        'dropped',
        'dropped',
        'dead',
      ]);
    });

    it('nothing where one that was dead at the preview was not seen yet', async () => {
      const seen = await stage.seed({ owner: 'bob' });
      const token = await tokenFor('drop', {});
      // As of a transaction that began before the preview, and ended after it.
      const unseen = await stage.seed({ owner: 'bob', deadAt: new Date(Date.now() - 60_000) });
      const { status, body } = await drop({ filter: {}, token });
      expect([status, body.code]).toEqual([409, 'CONFLICT']);
      expect(await statesOf([seen, unseen])).toEqual(['dead', 'dead']);
    });

    it('only those that were old enough at the preview', async () => {
      const young = await stage.seed({ deadAt: new Date(Date.now() - 61_000) });
      const filter = { older_than_seconds: 30 };
      const [row] = await stage.database.query<{ now: number }>('SELECT ingester.now_ms() AS now');
      // A minute ago it was dead for a second.
      const before = tokenOf('drop', { olderThanMs: 30_000 }, { atMs: Number(row?.now) - 60_000, count: 0 });
      expect((await drop({ filter, token: before })).body).toEqual({ dropped: 0, remaining: 0 });
      expect(await statesOf([young])).toEqual(['dead']);
    });

    it.each([
      ['of another filter', 'drop', { owner: 'alice' }, 0],
      ['of another action', 'redeliver', { owner: 'bob' }, 0],
      ['that is 10 minutes old', 'drop', { owner: 'bob' }, 600_000],
    ] as const)('not with a token %s', async (_, action, filter, ageMs) => {
      const letter = await stage.seed({ owner: 'bob' });
      const [row] = await stage.database.query<{ now: number }>('SELECT ingester.now_ms() AS now');
      const token = tokenOf(action, filter, { atMs: Number(row?.now) - ageMs, count: 1 });
      const { status, body } = await drop({ filter: { owner: 'bob' }, token });
      expect([status, body.code]).toEqual([409, 'CONFLICT']);
      expect(body.detail).toMatch(/order a new preview/);
      expect(await statesOf([letter])).toEqual(['dead']);
    });

    it.each([
      [{ filter: {} }, 'token'],
      [{ filter: {}, token: 'x' }, 'token'],
      [{ filter: {}, token: 'x', reason: ' ' }, 'reason'],
      [{ token: 'x' }, 'filter'],
      [{ filter: {}, token: 'x', limit: 0 }, 'limit'],
    ])('not by %j', async (order, field) => {
      const { status, body } = await drop(order);
      expect([status, body.errors.map((error: { field: string }) => error.field)]).toEqual([400, [field]]);
    });
  });

  it('are redelivered with a token: those that were dead at the preview, and by no other filter', async () => {
    const letter = await stage.seed({ owner: 'bob', deadAt: hoursAgo(1) });
    const token = await tokenFor('redeliver', { owner: 'bob' });
    const later = await stage.seed({ owner: 'bob', deadAt: new Date(Date.now() + 1000) });
    const order = (filter: object): Test => stage.call('post', '/redeliver').send({ filter, token });
    expect((await order({})).body).toMatchObject({ code: 'CONFLICT' });
    expect((await order({ owner: 'bob' })).body).toMatchObject({ redelivered: 1, remaining: 0 });
    expect(await statesOf([letter, later])).toEqual(['waiting', 'dead']);
    // A drop is no such order, and does not end the wait for the next one.
    const forDrop = await tokenFor('drop', {});
    expect((await drop({ filter: {}, token: forDrop })).status).toBe(200);
    expect((await stage.call('post', '/redeliver').send({ filter: {} })).status).toBe(429);
  });

  it('are dealt with by those who may', async () => {
    const user = await stage.running.token();
    const reader = await stage.running.token({ role: undefined, scope: 'admin:read' });
    const statuses = async (token: string): Promise<number[]> => {
      const answers = [
        await stage.call('get', '/groups', token),
        await stage.call('post', '/preview', token).send({ action: 'drop', filter: {} }),
        await stage.read('queue', token),
        await stage.read('audit', token),
        await stage.call('post', '/drop', token).send({ filter: {}, token: 'x', reason: 'x' }),
      ];
      return answers.map(({ status }) => status);
    };
    expect(await statuses(user)).toEqual([403, 403, 403, 403, 403]);
    expect(await statuses(reader)).toEqual([200, 200, 200, 200, 403]);
  });
});
