import type { DeadLetterGroup } from '../delivery/dead-letter.js';
import type { CircuitReport } from '../outbound/circuit-reports.js';

export interface Causes {
  readonly groups: readonly DeadLetterGroup[];
  /** The circuits of this process, by name. */
  readonly circuits: Readonly<Record<string, CircuitReport>>;
  readonly now: Date;
}

interface Finding {
  readonly count: number;
  readonly text: string;
}

const MOST_SENTENCES = 10;
const ELEMENT_PREFIX = 'storage:';

/** Reasons of which something is to be said that holds for each target; `where` is the target, as people call it. */
const KNOWN_REASONS = new Map<string | null, (where: string) => string>([
  [
    'spool_damaged',
    () =>
      'cannot be sent: their kept file is damaged (spool_damaged); check the disk of the spool, and ask the owners to send again',
  ],
  [
    'spool_file_missing',
    () =>
      'have no file in the spool (spool_file_missing); check that the right folder is mounted there, then redeliver them',
  ],
  [
    'in_doubt',
    (where) =>
      `may be on ${where} already, whose answer was lost and which cannot be asked (in_doubt); redelivered, they are asked for before they are sent`,
  ],
  ['CONFLICT', (where) => `were refused by ${where}, which has other bytes under their id (CONFLICT)`],
  [
    'STORAGE_FULL',
    (where) => `failed on ${where}: it is full (STORAGE_FULL); make room there, then redeliver them`,
  ],
]);

/**
 * Names the causes of dead letters from what is known of them and of those that they were for: what most of them have
 * in common comes first.
 */
export function recommendations({ groups, circuits, now }: Causes): string[] {
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  const shut = groups.filter((group) => isShut(group, circuits));
  const findings = [
    ...[...Map.groupBy(shut, ({ target }) => target)].map(([target, letters]) => ({
      count: sumOf(letters),
      text: `failed on ${nameOf(target)}: ${circuitOf(target, circuits, now)}; redeliver them once it is closed`,
    })),
    ...groups.filter((group) => !shut.includes(group)).map((group) => findingOf(group, { circuits, now })),
  ].toSorted((one, other) => other.count - one.count);
  const told = findings.slice(0, MOST_SENTENCES).map(({ count, text }) => `${count} of ${total} ${text}`);
  const untold = sumOf(findings.slice(MOST_SENTENCES));
  return untold > 0 ? [...told, `${untold} of ${total} have other causes, each of them rarer`] : told;
}

function findingOf(group: DeadLetterGroup, { circuits, now }: Omit<Causes, 'groups'>): Finding {
  const { kind, reason, target, count } = group;
  const code = reason ?? 'a reason that was not written down';
  if (kind === 'removal') {
    const where = target === null ? 'another element' : nameOf(target);
    return { count, text: `are stored, but ${where} may have a copy that could not be removed (${code})` };
  }
  const known = KNOWN_REASONS.get(reason);
  if (known) {
    const circuit = isOpen(target, circuits) ? `; ${circuitOf(target, circuits, now)}` : '';
    return { count, text: `${known(nameOf(target))}${circuit}` };
  }
  if (group.refusedWith !== null) return { count, text: refusalOf(group) };
  if (kind === 'registration') {
    return { count, text: `are stored, but their registration at the Admin module failed with ${code}` };
  }
  if (target === null)
    return { count, text: `found no storage element (${code}); ${elements(circuits, now)}` };
  const answers = circuits[target] ? `; ${stateOf(target, { circuits, now })}` : '';
  return { count, text: `failed on ${nameOf(target)} with ${code}${answers}` };
}

/** A target that refuses what it is asked lives, and refuses it again. */
function refusalOf({ kind, reason, target, refusedWith }: DeadLetterGroup): string {
  const what =
    kind === 'registration'
      ? 'are stored, but the Admin module refused their registration'
      : `were refused by ${nameOf(target)}`;
  return `${what} with ${refusedWith} (${reason ?? 'unknown'}); redelivered, they are refused again until the cause is mended`;
}

/**
 * A circuit says more than what single calls ended with; but not of files that nobody can be to blame for, of refusals,
 * and of what was dead before it opened.
 */
function isShut(
  { reason, target, refusedWith, newest }: DeadLetterGroup,
  circuits: Causes['circuits'],
): boolean {
  if (!isOpen(target, circuits) || KNOWN_REASONS.has(reason) || refusedWith !== null) return false;
  return newest.getTime() >= Date.parse(circuits[target ?? '']?.opened_at ?? '');
}

function stateOf(target: string, { circuits, now }: Omit<Causes, 'groups'>): string {
  return isOpen(target, circuits)
    ? `${circuitOf(target, circuits, now)}; redeliver them once it is closed`
    : 'its circuit is closed: it answers others';
}

function isOpen(target: string | null, circuits: Causes['circuits']): boolean {
  const circuit = target === null ? undefined : circuits[target];
  return circuit !== undefined && circuit.state !== 'closed';
}

function circuitOf(target: string | null, circuits: Causes['circuits'], now: Date): string {
  const circuit = circuits[target ?? ''];
  if (!circuit) return 'circuit unknown';
  const openedAt = circuit.opened_at === null ? '' : timeOf(circuit.opened_at, now);
  if (circuit.state === 'half_open') return `circuit half-open, opened at ${openedAt}`;
  return `circuit open since ${openedAt}${circuit.forced ? ', by hand' : ''}`;
}

function elements(circuits: Causes['circuits'], now: Date): string {
  const names = Object.keys(circuits).filter((name) => name.startsWith(ELEMENT_PREFIX));
  const open = names.filter((name) => isOpen(name, circuits));
  if (open.length === 0) return 'all circuits are closed now: redeliver them';
  return open.map((name) => `${nameOf(name)}: ${circuitOf(name, circuits, now)}`).join(', ');
}

function nameOf(target: string | null): string {
  if (target === null) return 'an unknown target';
  return target.startsWith(ELEMENT_PREFIX) ? target.slice(ELEMENT_PREFIX.length) : target;
}

/** In UTC; without the day where that is today. */
function timeOf(time: string, now: Date): string {
  const today = now.toISOString().slice(0, 10);
  const [day = '', clock = ''] = time.split('T');
  return `${day === today ? '' : `${day} `}${clock.slice(0, 5)} UTC`;
}

function sumOf(findings: readonly { readonly count: number }[]): number {
  return findings.reduce((sum, { count }) => sum + count, 0);
}
