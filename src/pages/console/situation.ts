import { counted, duration, listed, secondsSince, short } from './format.js';
import { type History, spoolFill } from './history.js';
import type { Circuit, Replica, Snapshot } from './shapes.js';

export type Level = 'good' | 'warn' | 'bad';

/** What is the matter, and what to do. */
export interface Finding {
  readonly level: Level;
  readonly sentence: string;
  readonly advice: string;
  /** The screen where it is done. */
  readonly view?: string;
}

/** What came of uploads lately, of all that happened in 15 minutes. */
type Recent = Pick<History, 'total' | 'secondsToFull'>;

const OLD_WAIT_SECONDS = 900;
const SOON_FULL_SECONDS = 3_600;
const OLD_FIGURES_SECONDS = 10;
const ALMOST_FULL = 0.9;
const FAILING_SHARE = 0.05;

/** Why a spool is shut, as the service names it. */
const SHUT: Readonly<Record<string, string>> = {
  full: 'is full',
  disk: 'has too little space on its disk',
  age: 'has files that wait for too long',
  read_only: 'is on a disk that is read-only',
};

/** All that is the matter, the worst first; one that is good where nothing is. */
export function findings(snapshot: Snapshot, recent: Recent): readonly Finding[] {
  const nowMs = Date.parse(snapshot.at);
  const found = [
    database(snapshot),
    ...spools(snapshot.replicas, recent),
    circuits(snapshot),
    silent(snapshot.replicas, nowMs),
    failing(recent),
    waiting(snapshot, nowMs),
    stranded(snapshot),
    letters(snapshot),
    draining(snapshot.replicas),
  ].filter((finding) => finding !== undefined);
  if (found.length === 0) return [allIsWell(snapshot)];
  return found.toSorted((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad'));
}

function allIsWell({ replicas }: Snapshot): Finding {
  const living = replicas.filter(({ lives }) => lives).length;
  const sentence = `All is well: ${counted(living, 'replica')} and all targets take uploads, and nothing waits for you.`;
  return { level: 'good', sentence, advice: 'Nothing is to be done.' };
}

function database({ queue, dead_letters: dead }: Snapshot): Finding | undefined {
  if (queue !== null && dead !== null) return undefined;
  return {
    level: 'bad',
    sentence:
      'The database does not answer: files are stored at once or refused, and none is delivered later.',
    advice: 'Bring it back; see "IngesterDatabaseUnavailable" in the runbook.',
  };
}

function spools(replicas: readonly Replica[], recent: Recent): readonly (Finding | undefined)[] {
  const living = replicas.filter(({ lives }) => lives);
  const shut = living.find(({ spool }) => spool.shut !== null);
  const view = 'queue';
  if (shut) {
    const why = SHUT[shut.spool.shut ?? ''] ?? `is shut (${shut.spool.shut})`;
    const sentence = `The spool of replica ${short(shut.replica_id)} ${why}: what cannot be stored at once is refused.`;
    const advice = 'Bring targets back, or decide on dead letters: either gives room.';
    return [{ level: 'bad', sentence, advice, view }];
  }
  const seconds = recent.secondsToFull();
  const isSoon = seconds !== undefined && seconds < SOON_FULL_SECONDS;
  if (!isSoon && !living.some((replica) => spoolFill(replica) >= ALMOST_FULL)) return [];
  const sentence = isSoon
    ? `A spool will be full in ${duration(seconds)} if it goes on like this.`
    : 'A spool is more than 90 % full.';
  return [{ level: 'warn', sentence, advice: 'See which targets do not take files, and why.', view }];
}

interface OpenTarget {
  readonly name: string;
  readonly open: readonly Circuit[];
  readonly of: number;
}

/** Targets with open circuits, by name. */
function openTargets(replicas: readonly Replica[]): OpenTarget[] {
  const living = replicas.filter(({ lives }) => lives);
  const names = [...new Set(living.flatMap(({ circuits: all }) => Object.keys(all)))].toSorted();
  return names
    .map((name) => {
      const all = living.map((replica) => replica.circuits[name]).filter((circuit) => circuit !== undefined);
      return { name, of: all.length, open: all.filter(({ state }) => state !== 'closed') };
    })
    .filter(({ open }) => open.length > 0);
}

function circuits({ replicas }: Snapshot): Finding | undefined {
  const open = openTargets(replicas);
  const [first] = open;
  if (!first) return undefined;
  const all = new Set(replicas.flatMap((replica) => Object.keys(replica.circuits)));
  const elements = [...all].filter((name) => name.startsWith('storage:'));
  const shutElements = open.filter(
    ({ name, open: shut, of }) => elements.includes(name) && shut.length === of,
  );
  const view = 'targets';
  if (elements.length > 0 && shutElements.length === elements.length) {
    return {
      level: 'bad',
      sentence: `No storage element takes files: ${counted(elements.length, 'circuit is', 'circuits are all')} open.`,
      advice: 'See their last errors, bring one back, and reset its circuit.',
      view,
    };
  }
  return { level: 'warn', view, ...(open.length === 1 ? oneOpen(first) : severalOpen(open)) };
}

function oneOpen({ name, open, of }: OpenTarget): Pick<Finding, 'sentence' | 'advice'> {
  const forced = open.find((circuit) => circuit.forced)?.forced;
  if (forced) {
    return {
      sentence: `${name} is left alone: ${forced.by} forced its circuit open (${forced.reason}).`,
      advice: 'Reset it when the reason is gone.',
    };
  }
  const where = of > 1 ? ` on ${open.length} of ${counted(of, 'replica')}` : '';
  const code = open.find((circuit) => circuit.last_error)?.last_error?.code;
  return {
    sentence: `The circuit of ${name} is open${where}${code === undefined ? '' : `: ${code}`}. Calls go elsewhere or wait.`,
    advice: 'It is tried again by itself; see its last error.',
  };
}

function severalOpen(open: readonly OpenTarget[]): Pick<Finding, 'sentence' | 'advice'> {
  const names = open.slice(0, 3).map(({ name }) => name);
  if (open.length > names.length) names.push(`${open.length - names.length} more`);
  return {
    sentence: `The circuits of ${listed(names)} are open. Calls go elsewhere or wait.`,
    advice: 'They are tried again by themselves; see their last errors.',
  };
}

function silent(replicas: readonly Replica[], nowMs: number): Finding | undefined {
  const [first, ...others] = replicas.filter(({ lives }) => !lives);
  if (!first) return undefined;
  const seen = duration(secondsSince(first.last_seen_at, nowMs));
  const more = others.length === 0 ? '' : `, nor ${counted(others.length, 'other')}`;
  return {
    level: 'warn',
    sentence: `Replica ${short(first.replica_id)} was not seen for ${seen}${more}.`,
    advice: 'Start it again with its spool, or make sure that it was taken away on purpose.',
  };
}

function failing(recent: Recent): Finding | undefined {
  const failed = recent.total('failed');
  const all = failed + recent.total('stored') + recent.total('accepted');
  if (failed === 0 || failed < all * FAILING_SHARE) return undefined;
  return {
    level: 'warn',
    sentence: `${failed.toLocaleString('en')} of ${counted(all, 'upload')} failed in the last 15 minutes.`,
    advice: 'See what the recent ones failed of.',
    view: 'uploads/recent',
  };
}

function waiting({ queue }: Snapshot, nowMs: number): Finding | undefined {
  const since = oldestWaiting(queue);
  const seconds = since === undefined ? 0 : secondsSince(since, nowMs);
  if (seconds < OLD_WAIT_SECONDS) return undefined;
  return {
    level: 'warn',
    sentence: `Accepted files wait for ${duration(seconds)}.`,
    advice: 'See which lane is behind, and which of its targets are open.',
    view: 'queue',
  };
}

/** How old the figures of the database are, where that is worth a word: it is read less often where that takes long. */
export function databaseAge({ at, database_at: readAt }: Snapshot): string | undefined {
  if (readAt === null) return undefined;
  const seconds = secondsSince(readAt, Date.parse(at));
  return seconds > OLD_FIGURES_SECONDS ? `as of ${duration(seconds)} ago` : undefined;
}

/** Since when the task waits that waits for the longest. */
export function oldestWaiting(queue: Snapshot['queue']): string | undefined {
  const times = queue?.lanes.map((lane) => lane.oldest_waiting_since).filter((time) => time !== null) ?? [];
  return times.toSorted()[0];
}

function stranded({ queue }: Snapshot): Finding | undefined {
  const gone = queue?.spools.filter(({ lives, waiting: files }) => !lives && files > 0) ?? [];
  if (gone.length === 0) return undefined;
  const files = gone.reduce((sum, spool) => sum + spool.waiting, 0);
  return {
    level: 'bad',
    sentence: `${counted(files, 'file waits', 'files wait')} in ${gone.length === 1 ? 'a spool' : 'spools'} that no replica has.`,
    advice: 'Start a replica with that spool; see "IngesterFilesWithoutSpool" in the runbook.',
    view: 'queue',
  };
}

function letters({ dead_letters: dead }: Snapshot): Finding | undefined {
  if (!dead || dead.total === 0) return undefined;
  const [most] = dead.groups.toSorted((a, b) => b.count - a.count);
  const why = most
    ? `, most of ${most.reason ?? 'no known cause'}${most.target === null ? '' : ` at ${most.target}`}`
    : '';
  return {
    level: 'warn',
    sentence: `${counted(dead.total, 'dead letter waits', 'dead letters wait')} for a decision${why}.`,
    advice: 'Have them redelivered, or drop them.',
    view: 'dead-letters',
  };
}

function draining(replicas: readonly Replica[]): Finding | undefined {
  const names = replicas
    .filter((replica) => replica.lives && replica.draining)
    .map((replica) => short(replica.replica_id));
  if (names.length === 0) return undefined;
  const isAll = names.length === replicas.filter(({ lives }) => lives).length;
  return {
    level: isAll ? 'bad' : 'warn',
    sentence: isAll
      ? 'All replicas drain: no uploads are taken.'
      : `Replica ${listed(names)} ${names.length === 1 ? 'drains and takes' : 'drain and take'} no new uploads.`,
    advice: 'Stop them when they are empty, or end the drain.',
  };
}
