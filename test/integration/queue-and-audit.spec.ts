import { beforeEach, describe, expect, it } from '@jest/globals';
import { removeReplicas } from '../../src/replicas/replica-rows.js';
import { type LetterStage, onBothDatabases } from './dead-letters-stage.js';

const RFC_3339 = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

onBothDatabases((given) => {
  let stage: LetterStage;

  beforeEach(() => {
    stage = given();
  });

  describe('and the queue, which shows', () => {
    it('what waits in each lane, and for which spool', async () => {
      const empty = (await stage.read('queue')).body;
      expect(empty.lanes).toContainEqual({
        kind: 'removal',
        lane: 'removal',
        waiting: 0,
        running: 0,
        oldest_waiting_since: null,
      });
      const waiting = await stage.seed();
      await stage.call('post', `/${waiting.taskId}/redeliver`);
      const running = await stage.seed();
      await stage.database.query(`UPDATE ingester.tasks SET state = 'running' WHERE task_id = $1`, [
        running.taskId,
      ]);
      await stage.replicas.beat();
      const { status, body, headers } = await stage.read('queue');
      expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
      expect(body.lanes).toContainEqual({
        kind: 'delivery',
        lane: 'small-temporary',
        waiting: 1,
        running: 1,
        oldest_waiting_since: expect.stringMatching(RFC_3339),
      });
      expect(body.spools).toEqual([
        {
          spool_id: await stage.replicas.spoolId(),
          address: expect.stringMatching(/^http/),
          lives: true,
          last_seen_at: expect.stringMatching(RFC_3339),
          waiting: 2,
        },
      ]);
    });

    it('a spool once, however many processes have had it, of which the last one that is gone is kept', async () => {
      const { taskId } = await stage.seed();
      const lost = '00000000-0000-4000-8000-000000000002';
      for (const [index, days] of [4, 2, 3].entries())
        await stage.database.query(
          `INSERT INTO ingester.replicas (replica_id, version, address, spool_id, tells_uploads, started_at, last_seen_at)
          VALUES ($1, '1', $2, $3, 0, 0, ingester.now_ms() - $4::bigint)`,
          [`00000000-0000-4000-8000-00000000001${index}`, `http://replica-${days}`, lost, days * 86_400_000],
        );
      await stage.database.query(
        `UPDATE ingester.tasks SET state = 'waiting', spool_id = $2 WHERE task_id = $1`,
        [taskId, lost],
      );
      await stage.database.query(
        'UPDATE ingester.uploads SET spool_id = $2 WHERE upload_id = (SELECT upload_id FROM ingester.tasks WHERE task_id = $1)',
        [taskId, lost],
      );
      const shown = { spool_id: lost, address: 'http://replica-2', lives: false, waiting: 1 };
      const spools = async (): Promise<unknown[]> =>
        (await stage.read('queue')).body.spools.filter(
          ({ spool_id: id }: { spool_id: string }) => id === lost,
        );
      expect(await spools()).toMatchObject([shown]);
      await removeReplicas(stage.database, 86_400_000);
      expect(await spools()).toMatchObject([shown]);
      expect(
        await stage.database.query('SELECT address FROM ingester.replicas WHERE spool_id = $1', [lost]),
      ).toEqual([{ address: 'http://replica-2' }]);
    });

    it('a spool that nobody has', async () => {
      const { taskId } = await stage.seed();
      const lost = '00000000-0000-4000-8000-000000000001';
      await stage.database.query(
        `UPDATE ingester.tasks SET state = 'waiting', spool_id = $2 WHERE task_id = $1`,
        [taskId, lost],
      );
      const { body } = await stage.read('queue');
      expect(body.spools).toContainEqual({
        spool_id: lost,
        address: null,
        lives: false,
        last_seen_at: null,
        waiting: 1,
      });
    });
  });

  describe('and the audit, which is read', () => {
    it('page by page, the newest first, by whom, what and of what', async () => {
      const letters = [await stage.seed(), await stage.seed(), await stage.seed()];
      for (const { taskId } of letters)
        await stage.call('post', `/${taskId}/redeliver`).send({ reason: 'x' });
      const paul = await stage.running.token({ sub: 'paul', role: 'admin' });
      const other = await stage.seed();
      await stage.call('delete', `/${other.taskId}`, paul).send({ reason: 'gone' });
      const all = (await stage.read('audit')).body;
      expect(all.next_cursor).toBeNull();
      expect(all.entries.map(({ subject }: { subject: string }) => subject)).toEqual(
        [...letters, other].map(({ taskId }) => taskId).toReversed(),
      );
      expect(all.entries[0]).toEqual({
        audit_id: expect.any(Number),
        at: expect.stringMatching(RFC_3339),
        who: 'paul',
        action: 'drop',
        subject: other.taskId,
        reason: 'gone',
        data: expect.objectContaining({ upload_id: other.uploadId, died_of: 'STORAGE_FAILED' }),
      });
      const first = (await stage.read('audit?limit=3')).body;
      const second = (await stage.read(`audit?limit=3&cursor=${first.next_cursor}`)).body;
      expect([...first.entries, ...second.entries]).toEqual(all.entries);
      expect(second.next_cursor).toBeNull();
      const filters = ['who=paul', 'action=redeliver', `subject=${letters[0]?.taskId}&who=olga`, 'who=x'];
      const counts = await Promise.all(
        filters.map(async (filter) => (await stage.read(`audit?${filter}`)).body.entries.length),
      );
      expect(counts).toEqual([1, 3, 1, 0]);
    });

    it.each(['cursor=x', 'cursor=0', 'cursor=-1', 'limit=0', 'limit=201', 'when=now', 'who='])(
      'not by %s',
      async (query) => {
        const { status, body } = await stage.read(`audit?${query}`);
        expect([status, body.code]).toEqual([400, 'VALIDATION_ERROR']);
        expect(body.errors.map((error: { field: string }) => error.field)).toEqual([query.split('=')[0]]);
      },
    );
  });
});
