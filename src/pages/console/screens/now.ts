import { base } from '../../shared/api.js';
import { element } from '../../shared/dom.js';
import { chart, type Series } from '../chart.js';
import type { Desk, Screen } from '../desk.js';
import { bytes, duration, rate, relative, secondsSince, short } from '../format.js';
import { type Bucket, type History, type Outcome, OUTCOMES, spoolFill } from '../history.js';
import type { Replica, Snapshot } from '../shapes.js';
import { databaseAge, type Finding, findings, type Level, oldestWaiting } from '../situation.js';
import { badge, button, section, table, time } from '../table.js';
import { actOnOrders, ordersSection } from './orders.js';

const NAMES: Readonly<Record<Outcome, string>> = {
  stored: 'stored',
  accepted: 'accepted for later',
  rejected: 'refused',
  failed: 'failed',
  client_abort: 'broken off by the client',
};

/** What is read out when it changes: no figures, which change every second. */
const LEVELS: Readonly<Record<Level, string>> = {
  good: 'State: good.',
  warn: 'State: something wants attention.',
  bad: 'State: something is broken.',
};

function unknown(since: string): Finding {
  return {
    level: 'bad',
    sentence: `Not known since ${since}: no data comes.`,
    advice: 'What stands below is of the time before. Ask another replica, or look at the service itself.',
  };
}

/** How things are, in one sentence, and what is behind it. */
export function nowScreen(desk: Desk): Screen {
  return {
    title: 'Now',
    isLive: true,
    render: () => {
      const { snapshot, history } = desk;
      if (!snapshot) return [element('p', { class: 'empty' }, 'The first data is on its way.')];
      const found = findings(snapshot, history);
      const { unknownSince } = desk;
      const [worst, ...others] =
        unknownSince === undefined
          ? found
          : [unknown(unknownSince), ...found.filter(({ level }) => level !== 'good')];
      const level = unknownSince === undefined ? LEVELS[worst?.level ?? 'good'] : 'State: not known.';
      return [
        element('p', { role: 'status', class: 'unseen', 'data-key': 'level' }, level),
        element('div', { 'data-key': 'state' }, worst && sentence(worst, 'state')),
        element(
          'div',
          { class: 'others', 'data-key': 'others' },
          ...others.map((finding) => sentence(finding, 'other')),
        ),
        tiles(snapshot, history),
        element('div', { class: 'charts', 'data-key': 'charts' }, ...charts(history)),
        replicas(snapshot, desk.nowMs()),
        ordersSection(desk, desk.nowMs()),
      ];
    },
    act: (action, subject) => void actOnOrders(desk, action, subject),
  };
}

function sentence({ level, sentence: text, advice, view }: Finding, look: string): HTMLElement {
  const link =
    view === undefined ? undefined : element('a', { href: `${base}/console/${view}` }, 'Look there');
  return element(
    'div',
    { class: `${look} ${level}` },
    element('p', { class: 'sentence' }, text),
    element('p', {}, `${advice} `, link),
  );
}

function tiles(snapshot: Snapshot, history: History): HTMLElement {
  const living = snapshot.replicas.filter(({ lives }) => lives);
  const inFlight = living.reduce((sum, { uploads }) => sum + uploads.in_flight, 0);
  const fill = Math.max(0, ...living.map(spoolFill));
  const full = history.secondsToFull();
  const oldest = oldestWaiting(snapshot.queue);
  const waiting = snapshot.queue?.lanes.reduce((sum, lane) => sum + lane.waiting, 0);
  const dead = snapshot.dead_letters?.total;
  const asOf = databaseAge(snapshot);
  const silent = 'the database does not answer';
  return element(
    'dl',
    { class: 'tiles', 'data-key': 'tiles' },
    tile('Uploads in flight', String(inFlight), `${rate(history.rate(done))} end a second`),
    tile(
      history.sinceMs === undefined ? 'Failed in 15 min' : `Failed since ${clock(history.sinceMs)}`,
      history.total('failed').toLocaleString('en'),
      `${history.total('rejected').toLocaleString('en')} refused`,
    ),
    tile(
      'Bytes from clients',
      `${bytes(history.rate(({ received }) => received))}/s`,
      `${bytes(history.rate(({ sent }) => sent))}/s to targets`,
    ),
    tile(
      'Fullest spool',
      `${Math.round(fill * 100)} %`,
      full === undefined ? 'does not fill' : `full in ${duration(full)}`,
    ),
    tile(
      'Oldest waiting',
      oldest === undefined ? '–' : duration(secondsSince(oldest, Date.parse(snapshot.at))),
      waiting === undefined ? silent : joined(`${waiting.toLocaleString('en')} wait`, asOf),
    ),
    tile(
      'Dead letters',
      dead?.toLocaleString('en') ?? '–',
      dead === undefined ? silent : joined('wait for a decision', asOf),
    ),
  );
}

function joined(text: string, more: string | undefined): string {
  return more === undefined ? text : `${text}, ${more}`;
}

/** `14:03`, as the reader's clock shows it. */
function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 5);
}

function tile(title: string, value: string, about: string): HTMLElement {
  return element(
    'div',
    { class: 'tile' },
    element('dt', {}, title),
    element('dd', { class: 'value' }, value),
    element('dd', { class: 'hint' }, about),
  );
}

function perSecond(of: (bucket: Bucket) => number): (bucket: Bucket) => number {
  return (bucket) => (bucket.seconds === 0 ? 0 : of(bucket) / bucket.seconds);
}

function done({ uploads }: Bucket): number {
  return OUTCOMES.reduce((sum, outcome) => sum + uploads[outcome], 0);
}

function outcomes(shown: readonly Outcome[]): readonly Series[] {
  return shown.map((outcome) => ({
    name: NAMES[outcome],
    look: outcome,
    of: perSecond(({ uploads }) => uploads[outcome]),
  }));
}

const UPLOADS = {
  title: 'Uploads a second',
  series: outcomes(['stored', 'accepted']),
  format: rate,
  least: 1,
};
const FAILURES = {
  title: 'Not stored, a second',
  series: outcomes(['failed', 'rejected', 'client_abort']),
  format: rate,
  least: 1,
};
const SPOOL = {
  title: 'Fullest spool',
  series: [{ name: 'fill', look: 'accepted', of: ({ spoolFill: fill }: Bucket) => fill }],
  format: (value: number) => `${Math.round(value * 100)} %`,
  least: 1,
};
const BYTES = {
  title: 'Bytes a second',
  series: [
    { name: 'from clients', look: 'stored', of: perSecond(({ received }) => received) },
    { name: 'to targets', look: 'accepted', of: perSecond(({ sent }) => sent) },
  ],
  format: bytes,
  least: 1_000,
};

function charts({ buckets }: History): HTMLElement[] {
  return [UPLOADS, FAILURES, BYTES, SPOOL].map((options) => chart(options, buckets));
}

function replicas({ replicas: all, orders, replica_id: own }: Snapshot, nowMs: number): HTMLElement {
  const isOrdered = (id: string): boolean =>
    orders.some(({ kind, replica_id: of }) => kind === 'drain' && (of === id || of === null));
  return section(
    'Replicas',
    table<Replica>({
      caption: 'All replicas, as they say themselves',
      rows: all.toSorted(
        (a, b) => Number(b.lives) - Number(a.lives) || a.replica_id.localeCompare(b.replica_id),
      ),
      key: ({ replica_id: id }) => id,
      empty: 'No replica is known.',
      columns: [
        {
          title: 'Replica',
          cell: ({ replica_id: id }) => [
            element('code', { title: id }, short(id)),
            id === own ? ' answers you' : '',
          ],
        },
        { title: 'State', cell: stateOf },
        { title: 'Version', cell: ({ version }) => version },
        {
          title: 'Runs for',
          isNumber: true,
          cell: ({ started_at: at }) => time(duration(secondsSince(at, nowMs)), at),
        },
        { title: 'Seen', isNumber: true, cell: ({ last_seen_at: at }) => time(relative(at, nowMs), at) },
        { title: 'In flight', isNumber: true, cell: ({ uploads }) => String(uploads.in_flight) },
        { title: 'Stored', isNumber: true, cell: ({ uploads }) => uploads.stored.toLocaleString('en') },
        { title: 'Failed', isNumber: true, cell: ({ uploads }) => uploads.failed.toLocaleString('en') },
        { title: 'Spool', isNumber: true, cell: ({ spool }) => bytes(spool.bytes) },
        {
          title: '',
          cell: ({ replica_id: id, lives }) => (lives && !isOrdered(id) ? button('Drain', 'drain', id) : ''),
        },
      ],
    }),
  );
}

function stateOf({ lives, draining, circuits, spool }: Replica): HTMLElement[] {
  if (!lives) return [badge('not seen', 'bad')];
  const open = Object.values(circuits).filter(({ state }) => state !== 'closed').length;
  const badges = [
    draining ? badge('drains', 'warn') : undefined,
    spool.shut === null ? undefined : badge('spool shut', 'bad'),
    open === 0 ? undefined : badge(`${open} open`, 'warn'),
  ].filter((each) => each !== undefined);
  return badges.length > 0 ? badges : [badge('well', 'good')];
}
