import { afterAll, beforeAll, beforeEach, describe } from '@jest/globals';
import type { Database } from '../../src/delivery/database/sql.js';
import { databaseContract } from './delivery-database.contract.js';
import { leaseContract } from './delivery-leases.contract.js';
import { queueContract } from './delivery-queue.contract.js';
import type { Given, Subject } from './delivery-subject.js';

/** What both databases promise to the delivery room, and the queue on them. */
export function deliveryContract(name: string, createSubject: () => Promise<Subject>): void {
  describe(`${name} under delivery`, () => {
    let subject: Subject | undefined;
    let database: Database | undefined;
    const given: Given = () => {
      if (!subject || !database) throw new Error('the database is there only during a test');
      return { one: subject.one, other: subject.other, database };
    };

    beforeAll(async () => {
      subject = await createSubject();
      database = await subject.one.database.open();
      await subject.other.database.open();
    });

    beforeEach(async () => {
      await given().database.query('DELETE FROM pgboss.job');
    });

    afterAll(() => subject?.dispose());

    describe('its database', () => {
      databaseContract(given);
    });
    describe('its leases', () => {
      leaseContract(given);
    });
    describe('its queue', () => {
      queueContract(given);
    });
  });
}
