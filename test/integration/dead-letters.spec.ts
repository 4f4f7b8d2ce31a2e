import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readlink } from 'node:fs/promises';
import request from 'supertest';
import type { SeededLetter } from '../support/dead-letters.js';
import { eventually } from '../support/eventually.js';
import { HOUR_MS, type LetterStage, onBothDatabases } from './dead-letters-stage.js';

onBothDatabases((given) => {
  let stage: LetterStage;

  beforeEach(() => {
    stage = given();
  });

  describe('are listed', () => {
    it('with what they are and what they died of, and without where their file lies', async () => {
      const deadAt = new Date('2026-11-20T10:02:00.000Z');
      const { taskId, uploadId } = await stage.seed({ deadAt, bytes: Buffer.from('hello') });
      const { status, body, headers } = await stage.call('get');
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      expect(body).toEqual({
        items: [
          {
            id: taskId,
            upload_id: uploadId,
            kind: 'delivery',
            state: 'dead',
            reason: 'STORAGE_FAILED',
            target: 'storage:se-02',
            doubtful_targets: [],
            attempts: 1,
            owner: 'alice',
            original_filename: 'a.txt',
            content_type: 'text/plain',
            size: 5,
            checksum: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
            has_content: true,
            dead_at: '2026-11-20T10:02:00.000Z',
            created_at: '2026-11-20T10:01:00.000Z',
            deadline: '2026-11-20T11:01:00.000Z',
          },
        ],
        next_cursor: null,
      });
    });

    it('by reason, target, owner, kind and age', async () => {
      const old = new Date(Date.now() - 2 * HOUR_MS);
      const young = new Date(Date.now() - HOUR_MS / 2);
      const a = await stage.seed({ deadAt: old, owner: 'alice', target: 'storage:se-01' });
      const b = await stage.seed({
        deadAt: young,
        owner: 'bob',
        reason: 'in_doubt',
        doubtfulTargets: ['storage:se-03'],
      });
      const c = await stage.seed({ deadAt: young, owner: 'bob', kind: 'registration', target: 'admin' });
      const cases: [query: string, expected: SeededLetter[]][] = [
        ['', [a, b, c]],
        ['?reason=in_doubt', [b]],
        ['?reason=STORAGE_FAILED', [a, c]],
        ['?target=se-01', [a]],
        ['?target=storage:se-01', [a]],
        ['?target=se-03', [b]],
        ['?target=admin', [c]],
        ['?target=se-0', []],
        ['?owner=bob', [b, c]],
        ['?owner=bob&kind=delivery', [b]],
        ['?kind=registration', [c]],
        ['?older_than_seconds=3600', [a]],
        ['?newer_than_seconds=3600', [b, c]],
        ['?older_than_seconds=600&newer_than_seconds=3600&reason=in_doubt', [b]],
      ];
      for (const [query, expected] of cases) {
        const ids = expected.map(({ taskId }) => taskId).toSorted();
        expect({ query, ids: (await stage.idsOf(query)).toSorted() }).toEqual({ query, ids });
      }
    });

    it('page by page, each once, whatever dies or is dropped meanwhile', async () => {
      const base = Date.now() - HOUR_MS;
      const letters: SeededLetter[] = [];
      // Three of a kind at each moment, so that pages end between those that died together.
      for (let index = 0; index < 9; index += 1)
        letters.push(
          await stage.seed({ deadAt: new Date(base + Math.floor(index / 3) * 1000), file: false }),
        );
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? '?limit=2' : `?limit=2&cursor=${cursor}`;
        const { body } = await stage.call('get', query);
        expect(body.items.length).toBeLessThanOrEqual(2);
        seen.push(...body.items.map(({ id }: { id: string }) => id));
        cursor = body.next_cursor;
        await stage.seed({ file: false });
        const last = body.items.at(-1).id;
        await stage.database.query(`UPDATE ingester.tasks SET state = 'dropped' WHERE task_id = $1`, [last]);
      } while (cursor !== null);
      expect(seen.toSorted()).toEqual(letters.map(({ taskId }) => taskId).toSorted());
      expect(seen.slice(0, 3).toSorted()).toEqual(
        letters
          .slice(6)
          .map(({ taskId }) => taskId)
          .toSorted(),
      );
    });

    it.each([
      ['limit=0', 'limit'],
      ['limit=201', 'limit'],
      ['limit=ten', 'limit'],
      ['limit=1.5', 'limit'],
      ['limit=1&limit=2', 'limit'],
      ['kind=upload', 'kind'],
      ['reason=', 'reason'],
      ['owner=%00', 'owner'],
      ['owner[a]=b', 'owner'],
      ['older_than_seconds=-1', 'older_than_seconds'],
      ['older_than=60', 'older_than'],
      ['cursor=!', 'cursor'],
      ['cursor=MTsxMjM7eA', 'cursor'],
      // Later than dates can be written.
      [`cursor=${Buffer.from(`1;999999999999999;${randomUUID()}`).toString('base64url')}`, 'cursor'],
    ])('not where the query says %s', async (query, field) => {
      const { status, body } = await stage.call('get', `?${query}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({
        code: 'VALIDATION_ERROR',
        errors: [{ field: expect.stringContaining(field) }],
      });
    });
  });

  describe('are shown one by one', () => {
    it('with every attempt, and what operators did', async () => {
      const deadAt = new Date('2026-11-20T10:02:00.000Z');
      const { taskId } = await stage.seed({ deadAt });
      await stage.call('post', `/${taskId}/redeliver`).send({ reason: 'se-02 is back' });
      const { status, body } = await stage.call('get', `/${taskId}`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ id: taskId, state: 'waiting' });
      expect(body.history).toEqual([
        {
          number: 1,
          target: 'storage:se-02',
          started_at: '2026-11-20T10:01:00.000Z',
          ended_at: '2026-11-20T10:02:00.000Z',
          outcome: 'failed',
          code: 'STORAGE_FAILED',
          status_code: 503,
          detail: 'The storage element failed.',
        },
      ]);
      expect(body.orders).toEqual([
        { at: expect.any(String), who: 'olga', action: 'redeliver', reason: 'se-02 is back' },
      ]);
    });

    it.each([randomUUID(), 'x', '%00', '..%2f..%2fetc'])('not under the id %s', async (id) => {
      for (const path of [`/${id}`, `/${id}/content`]) {
        const { status, body, type } = await stage.call('get', path);
        expect({ path, status, type }).toEqual({ path, status: 404, type: 'application/problem+json' });
        expect(body.code).toBe('NOT_FOUND');
      }
    });
  });

  describe('are downloaded', () => {
    it('as they are, to be saved and never shown', async () => {
      const bytes = randomBytes(700_000);
      const { taskId } = await stage.seed({
        bytes,
        originalFilename: 'naïve "文件".html',
        contentType: 'text/html',
      });
      const { status, headers, body } = await stage.call('get', `/${taskId}/content`).responseType('blob');
      expect(status).toBe(200);
      expect(headers).toMatchObject({
        'content-type': 'text/html',
        'content-length': '700000',
        'content-disposition': `attachment; filename="na?ve \\"??\\".html"; filename*=UTF-8''na%C3%AFve%20%22%E6%96%87%E4%BB%B6%22.html`,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
      expect(bytes.equals(body)).toBe(true);
    });

    it('by HEAD without a byte of it', async () => {
      const { taskId } = await stage.seed({ bytes: Buffer.alloc(300_000) });
      const { status, headers } = await request(stage.running.url)
        .head(`/api/v1/dead-letters/${taskId}/content`)
        .auth(stage.admin, { type: 'bearer' });
      expect([status, headers['content-length']]).toEqual([200, '300000']);
      await eventually(async () => expect(await openFiles('accepted')).toEqual([]));
    });

    it('not where the file is gone', async () => {
      const { taskId } = await stage.seed({ file: false });
      const { status, body } = await stage.call('get', `/${taskId}/content`);
      expect([status, body.code]).toEqual([404, 'NOT_FOUND']);
    });

    it('and the file is closed when the client leaves', async () => {
      const { taskId } = await stage.seed({ bytes: Buffer.alloc(64 * 1024 * 1024) });
      const download = await fetch(`${stage.running.url}/api/v1/dead-letters/${taskId}/content`, {
        headers: { Authorization: `Bearer ${stage.admin}` },
      });
      const reader = download.body?.getReader();
      await reader?.read();
      expect(await openFiles('accepted')).toHaveLength(1);
      await reader?.cancel();
      await eventually(async () => expect(await openFiles('accepted')).toEqual([]));
    });
  });

  it.each([
    ['no token', undefined, [401, 401, 401, 401, 401, 401]],
    ['a user', { role: 'user' }, [403, 403, 403, 403, 403, 403]],
    ['a reader', { role: undefined, scope: 'admin:read' }, [200, 200, 200, 403, 403, 403]],
    ['a writer', { role: undefined, scope: 'admin:write' }, [200, 200, 200, 202, 202, 409]],
  ])('are open to those who may: %s', async (_, claims, expected) => {
    const { taskId } = await stage.seed();
    const token = claims === undefined ? 'none' : await stage.running.token({ sub: 'x', ...claims });
    const answers = [
      await stage.call('get', '', token),
      await stage.call('get', `/${taskId}`, token),
      await stage.call('get', `/${taskId}/content`, token),
      await stage.call('post', `/${taskId}/redeliver`, token),
      await stage.call('post', '/redeliver', token).send({ filter: {} }),
      await stage.call('delete', `/${taskId}`, token).send({ reason: 'x' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual(expected);
  });

  async function openFiles(part: string): Promise<string[]> {
    const links = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    );
    return links.filter((link) => link.startsWith(stage.running.dataDir) && link.includes(part));
  }
});
