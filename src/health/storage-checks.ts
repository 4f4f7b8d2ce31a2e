import type { ElementSettings } from '../config/element-settings.js';
import { SharedResult } from '../observability/shared-result.js';
import type { StorageElement } from '../storage/storage-element.js';
import type { CheckOutcome, ReadinessCheck } from './readiness-check.js';

interface CheckedElement {
  readonly id: string;
  readonly health: SharedResult<CheckOutcome>;
}

/**
 * A check for each element, critical where its settings say so, and `storage`, which is up while one element is that takes files by
 * its mode, and critical only while files cannot be kept for later. They share each answer, so that no element is asked
 * twice.
 */
export function storageChecks(
  elements: readonly Pick<StorageElement, 'id' | 'health'>[],
  settings: readonly Pick<ElementSettings, 'id' | 'mode' | 'critical'>[],
  canKeep: () => Promise<boolean>,
): ReadinessCheck[] {
  const writable = new Set(
    settings.filter(({ mode }) => mode === 'edit' || mode === 'rw').map(({ id }) => id),
  );
  const checked = elements.map((element): CheckedElement => ({
    id: element.id,
    health: new SharedResult(() => healthOf(element)),
  }));
  return [
    storageCheck(() => anyUp(checked.filter(({ id }) => writable.has(id))), canKeep),
    ...checked.map(({ id, health }) => {
      const critical = settings.some((element) => element.id === id && element.critical === true);
      return { name: `storage:${id}`, critical, run: () => health.get() };
    }),
  ];
}

/** It is known before the slowest element has answered whether that matters. */
function storageCheck(run: () => Promise<CheckOutcome>, canKeep: () => Promise<boolean>): ReadinessCheck {
  let critical = true;
  const judge = async (): Promise<void> => {
    critical = !(await canKeep());
  };
  return {
    name: 'storage',
    get critical() {
      return critical;
    },
    run: async () => {
      const [outcome] = await Promise.all([run(), judge()]);
      return outcome;
    },
  };
}

async function healthOf(element: Pick<StorageElement, 'health'>): Promise<CheckOutcome> {
  const health = await element.health();
  return health.up ? health : { up: false, reason: 'the element is not ready', cause: health.reason };
}

/** Is up with the first element that is, without waiting for the slow ones. */
async function anyUp(elements: readonly CheckedElement[]): Promise<CheckOutcome> {
  try {
    return await Promise.any(elements.map(({ health }) => health.get().then(requireUp)));
  } catch {
    return { up: false, reason: 'no storage element that takes files is up' };
  }
}

function requireUp(outcome: CheckOutcome): CheckOutcome {
  if (!outcome.up) throw new Error(outcome.reason);
  return outcome;
}
