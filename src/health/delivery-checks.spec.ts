import { describe, expect, it } from '@jest/globals';
import type { DeliveryHealth } from '../delivery/delivery-health.service.js';
import { deliveryChecks } from './delivery-checks.js';
import { storageChecks } from './storage-checks.js';

type Delivery = Pick<
  DeliveryHealth,
  'askDatabase' | 'hasPromises' | 'spoolShut' | 'lacksSpoolId' | 'absentSpools' | 'isDrained' | 'makesWay'
>;

const delivery = (members: Partial<Delivery> = {}): Delivery => ({
  askDatabase: () => Promise.resolve({ up: true }),
  hasPromises: false,
  spoolShut: undefined,
  lacksSpoolId: false,
  absentSpools: [],
  isDrained: false,
  makesWay: false,
  ...members,
});
const away = (): ReturnType<Delivery['askDatabase']> => Promise.resolve({ up: false, cause: 'secret' });

async function outcome(members: Partial<Delivery>, name: string): Promise<[up: boolean, critical: boolean]> {
  const found = deliveryChecks(delivery(members)).checks.find((check) => check.name === name);
  if (!found) throw new Error(`there is no check named ${name}`);
  const { up } = await found.run();
  return [up, found.critical];
}

describe('the check of the database', () => {
  it('is critical once something was promised', async () => {
    expect(await outcome({ askDatabase: away }, 'database')).toEqual([false, false]);
    expect(await outcome({ askDatabase: away, hasPromises: true }, 'database')).toEqual([false, true]);
  });

  it('knows what was promised only after it has asked', async () => {
    const state = { hasPromises: false };
    const asked = delivery({ askDatabase: () => Promise.resolve({ up: true }) });
    Object.defineProperty(asked, 'hasPromises', { get: () => state.hasPromises });
    const [database] = deliveryChecks(asked).checks;
    state.hasPromises = true;
    await database?.run();
    expect(database?.critical).toBe(true);
  });
});

describe('the check of other replicas', () => {
  it('says which files wait for them, and makes nothing of this process unready', async () => {
    expect(await outcome({}, 'replicas')).toEqual([true, false]);
    expect(await outcome({ absentSpools: ['3 files wait'] }, 'replicas')).toEqual([false, false]);
  });

  it('is critical while the spool of this process has no id', async () => {
    expect(await outcome({ lacksSpoolId: true }, 'replicas')).toEqual([false, true]);
  });

  it('is critical while an operator has this process drained, and another one takes uploads', async () => {
    const drained = { isDrained: true, absentSpools: ['3 files wait'] };
    expect(await outcome({ ...drained, makesWay: true }, 'replicas')).toEqual([false, true]);
    // Else nobody would get through to lift the order, or to go on with an upload.
    expect(await outcome(drained, 'replicas')).toEqual([false, false]);
  });
});

describe('the check of the spool', () => {
  it.each([
    ['bytes', true],
    ['disk', true],
    ['read-only', true],
    ['unusable', true],
    ['age', false],
    ['foreign', false],
  ] as const)('is down while it is shut by %s; critical: %p', async (spoolShut, critical) => {
    expect(await outcome({ spoolShut }, 'spool')).toEqual([false, critical]);
  });

  it('is up while it takes files', async () => {
    expect(await outcome({}, 'spool')).toEqual([true, true]);
  });
});

describe('the check of all storage elements', () => {
  const down = { id: 'se-01', health: () => Promise.resolve({ up: false, reason: 'x' } as const) };
  const silent = { id: 'se-01', health: () => new Promise<never>(() => undefined) };

  const criticalAfter = async (
    members: Partial<Delivery>,
    element: typeof down | typeof silent,
  ): Promise<boolean> => {
    const { canKeep } = deliveryChecks(delivery(members));
    const [storage] = storageChecks([element], [{ id: 'se-01', mode: 'edit' }], canKeep);
    await Promise.race([storage?.run(), new Promise((resolve) => setTimeout(resolve, 20))]);
    return storage?.critical === true;
  };

  it.each<[string, Partial<Delivery>, boolean]>([
    ['files can be kept', {}, false],
    ['the spool is full', { spoolShut: 'bytes' }, true],
    ['the spool is shut for the age of its oldest file', { spoolShut: 'age' }, true],
    ['the spool has no id', { lacksSpoolId: true }, true],
    ['the database is away', { askDatabase: away }, true],
  ])('is critical only where files cannot be kept: %s', async (_, members, critical) => {
    expect(await criticalAfter(members, down)).toBe(critical);
    expect(await criticalAfter(members, silent)).toBe(critical);
  });
});
