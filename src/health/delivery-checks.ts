import type { DeliveryHealth } from '../delivery/delivery-health.service.js';
import { SharedResult } from '../observability/shared-result.js';
import type { CheckOutcome, ReadinessCheck } from './readiness-check.js';

type Delivery = Pick<
  DeliveryHealth,
  'askDatabase' | 'hasPromises' | 'spoolShut' | 'lacksSpoolId' | 'absentSpools' | 'isDrained' | 'makesWay'
>;

/** What files that cannot be stored at once depend on. */
export interface DeliveryChecks {
  readonly checks: readonly ReadinessCheck[];
  /** Can a file be kept now, while no storage element takes it? */
  readonly canKeep: () => Promise<boolean>;
}

const WHY_SHUT = {
  bytes: 'the spool is full',
  disk: 'the spool has too little free space',
  age: 'the oldest file in the spool waits for too long',
  'read-only': 'the disk of the spool is read-only',
  unusable: 'the spool cannot be used',
  foreign: 'the spool holds accepted files of another database',
} as const;

/**
 * `database`: critical once something was promised in it. `spool`: critical while it has no space; one that is shut
 * because its oldest file waits for too long, or for the files of another database, says nothing of other files, as long
 * as they can be stored at once. `replicas`: critical while the spool has no id, as it is for a spool that takes nothing, and
 * while an operator has ordered that this process takes no new uploads, and another one does: where none does, operators have to
 * get through, and those who go on with an upload. What waits for others is no reason, since this process can do nothing about it.
 */
export function deliveryChecks(delivery: Delivery): DeliveryChecks {
  const asked = new SharedResult(() => delivery.askDatabase());
  const database: ReadinessCheck = {
    name: 'database',
    get critical() {
      return delivery.hasPromises;
    },
    run: async () => {
      const health = await asked.get();
      return health.up ? health : { up: false, reason: 'the database does not answer', cause: health.cause };
    },
  };
  const spool: ReadinessCheck = {
    name: 'spool',
    get critical() {
      return delivery.spoolShut !== 'age' && delivery.spoolShut !== 'foreign';
    },
    run: () => Promise.resolve(spoolOutcome(delivery)),
  };
  const replicas: ReadinessCheck = {
    name: 'replicas',
    get critical() {
      return delivery.lacksSpoolId || delivery.makesWay;
    },
    run: () => Promise.resolve(replicasOutcome(delivery)),
  };
  return {
    checks: [database, spool, replicas],
    canKeep: async () => isOpen(delivery) && (await asked.get()).up,
  };
}

function spoolOutcome({ spoolShut }: Delivery): CheckOutcome {
  return spoolShut === undefined ? { up: true } : { up: false, reason: WHY_SHUT[spoolShut] };
}

function replicasOutcome({ lacksSpoolId, absentSpools, isDrained }: Delivery): CheckOutcome {
  const reasons = [
    ...(isDrained ? ['an operator has ordered that no new uploads are taken'] : []),
    ...(lacksSpoolId ? ['the spool has no id, nothing is accepted'] : []),
    ...absentSpools,
  ];
  return reasons.length === 0 ? { up: true } : { up: false, reason: reasons.join('; ') };
}

function isOpen({ spoolShut, lacksSpoolId }: Delivery): boolean {
  return spoolShut === undefined && !lacksSpoolId;
}
