import { describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { asOperator, circuitAt, seeOrders } from '../support/operator.js';
import { startPostgres } from '../support/postgres-server.js';
import { ReplicaGroup } from '../support/replica-group.js';

const NAME = 'storage:edit-01';
const CIRCUIT = `resilience/circuit-breakers/${NAME}`;
const REASON = 'the disk is replaced';
/** Replicas look every five seconds; machines may be busy. */
const SOON_MS = 20_000;

describe('orders while PostgreSQL is away', () => {
  it('cannot be given, and those that are known hold; who starts then learns of them when it is back', async () => {
    const server = await startPostgres();
    const group = await ReplicaGroup.of(await server.newDatabase());
    const quick = { DATABASE_CIRCUIT_RECOVERY_MS: '300' };
    try {
      const one = await group.start('a', quick);
      await asOperator(one, 'POST', `${CIRCUIT}/force-open`, { reason: REASON });
      await server.stop();
      for (const path of [`${CIRCUIT}/reset`, `${CIRCUIT}/force-open`]) {
        const { status, body } = await asOperator(one, 'POST', path, { reason: 'x' });
        expect([status, body.code, body.detail]).toEqual([
          503,
          'QUEUE_UNAVAILABLE',
          'The database does not answer, and nothing was ordered.',
        ]);
      }
      await seeOrders(one);
      expect(circuitAt(one, NAME)).toMatchObject({ state: 'open', forced: { reason: REASON } });
      expect((await asOperator(one, 'GET', 'orders')).body.orders).toHaveLength(1);
      const other = await group.start('b', quick);
      expect(circuitAt(other, NAME).state).toBe('closed');
      await server.start();
      await eventually(async () => {
        expect(circuitAt(other, NAME)).toMatchObject({
          state: 'open',
          forced: { reason: REASON, by: 'olga' },
        });
      }, SOON_MS);
    } finally {
      await group.close();
      await server.dispose();
    }
  });
});
