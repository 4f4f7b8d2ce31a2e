import { afterAll, beforeAll, beforeEach, describe } from '@jest/globals';
import { databaseContract } from './database.contract.js';
import type { Given, Subject } from './delivery-subject.js';
import { claimContract } from './task-claims.contract.js';
import { holderContract } from './task-holders.contract.js';

/** What both databases promise to the delivery room, and the tasks on them. */
export function deliveryContract(name: string, createSubject: () => Promise<Subject>): void {
  describe(`${name} under delivery`, () => {
    let subject: Subject | undefined;
    const given: Given = () => {
      if (!subject) throw new Error('the database is there only during a test');
      return { one: subject.one, other: subject.other, database: subject.one.database };
    };

    beforeAll(async () => {
      subject = await createSubject();
      await subject.one.database.open();
      await subject.other.database.open();
    });

    beforeEach(async () => {
      await given().database.query('DELETE FROM ingester.tasks');
    });

    afterAll(() => subject?.dispose());

    describe('its database', () => {
      databaseContract(given);
    });
    describe('the claims of tasks', () => {
      claimContract(given);
    });
    describe('the holders of tasks', () => {
      holderContract(given);
    });
  });
}
