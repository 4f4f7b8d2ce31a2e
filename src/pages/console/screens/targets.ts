import { element } from '../../shared/dom.js';
import type { Desk, Screen } from '../desk.js';
import { counted, moment, relative, secondsSince, short } from '../format.js';
import type { Circuit, Snapshot, Transition } from '../shapes.js';
import { badge, button, code, named, section, table, time } from '../table.js';
import { actOnOrders, ordersSection } from './orders.js';

const STATES = { closed: 'closed', open: 'open', half_open: 'half-open' } as const;
const MOST_TRANSITIONS = 100;

/** What one replica says of a target. */
interface View {
  readonly replicaId: string;
  readonly lives: boolean;
  readonly circuit: Circuit;
}

/** The circuits of all targets, of all replicas. */
export function targetsScreen(desk: Desk): Screen {
  return {
    title: 'Targets',
    isLive: true,
    render: () => {
      const { snapshot } = desk;
      if (!snapshot) return [element('p', { class: 'empty' }, 'The first data is on its way.')];
      const nowMs = desk.nowMs();
      const targets = viewsByTarget(snapshot);
      return [
        ...(targets.length === 0
          ? [element('p', { class: 'empty' }, 'No replica has called a target yet.')]
          : []),
        ...targets.map(([name, views]) => target(name, views, nowMs)),
        ordersSection(desk, nowMs),
        transitions(snapshot.transitions, nowMs),
      ];
    },
    act: (action, subject) => void actOnOrders(desk, action, subject),
  };
}

function viewsByTarget({ replicas }: Snapshot): [string, View[]][] {
  const targets = new Map<string, View[]>();
  for (const { replica_id: replicaId, lives, circuits } of replicas) {
    for (const [name, circuit] of Object.entries(circuits)) {
      const views = targets.get(name) ?? [];
      views.push({ replicaId, lives, circuit });
      targets.set(name, views);
    }
  }
  return [...targets].toSorted(([a], [b]) => a.localeCompare(b));
}

function target(name: string, views: readonly View[], nowMs: number): HTMLElement {
  const living = views.filter(({ lives }) => lives);
  return element(
    'section',
    { class: 'card', 'data-key': `target:${name}`, 'aria-label': name },
    element(
      'div',
      { class: 'card-head' },
      element('h2', {}, name),
      summary(living),
      element(
        'div',
        { class: 'buttons' },
        named(button('Force open', 'force-open', name, 'danger'), `Force open: ${name}`),
        named(button('Reset', 'reset', name), `Reset: ${name}`),
      ),
    ),
    forcedBy(living, nowMs),
    viewTable(name, views, nowMs),
  );
}

function forcedBy(living: readonly View[], nowMs: number): HTMLElement | undefined {
  const forced = living.find(({ circuit }) => circuit.forced)?.circuit.forced;
  if (!forced) return undefined;
  const until = forced.until === null ? 'until it is reset' : `until ${moment(forced.until, nowMs)}`;
  return element(
    'p',
    { class: 'forced' },
    badge('forced open', 'warn'),
    ` by ${forced.by}, ${until}: ${forced.reason}`,
  );
}

function viewTable(name: string, views: readonly View[], nowMs: number): HTMLElement {
  return table<View>({
    caption: `${name}, as each replica sees it`,
    rows: views,
    key: ({ replicaId }) => replicaId,
    empty: 'No replica calls it.',
    columns: [
      {
        title: 'Replica',
        cell: ({ replicaId, lives }) => [
          element('code', { title: replicaId }, short(replicaId)),
          lives ? '' : ' not seen',
        ],
      },
      {
        title: 'State',
        cell: ({ circuit }) => [
          badge(STATES[circuit.state], levelOf(circuit)),
          circuit.forced ? ' by hand' : '',
        ],
      },
      {
        title: 'Failures',
        isNumber: true,
        cell: ({ circuit }) => `${circuit.failure_count} of ${circuit.failure_threshold}`,
      },
      { title: 'Next try', cell: ({ circuit }) => upcoming(circuit.retry_at, nowMs) },
      { title: 'Cooling', cell: ({ circuit }) => upcoming(circuit.cooling_until, nowMs) },
      { title: 'In flight', isNumber: true, cell: ({ circuit }) => String(circuit.in_flight ?? 0) },
      { title: 'Last error', cell: ({ circuit }) => lastError(circuit, nowMs) },
    ],
  });
}

function summary(living: readonly View[]): HTMLElement {
  const open = living.filter(({ circuit }) => circuit.state !== 'closed');
  if (open.length === 0) return badge('takes calls', 'good');
  if (open.length === living.length) return badge('open everywhere', 'bad');
  return badge(`open on ${open.length} of ${counted(living.length, 'replica')}`, 'warn');
}

function levelOf({ state }: Circuit): 'good' | 'warn' | 'bad' {
  if (state === 'closed') return 'good';
  return state === 'open' ? 'bad' : 'warn';
}

function upcoming(at: string | null, nowMs: number): Node | string {
  return at === null || secondsSince(at, nowMs) > 0 ? '–' : time(relative(at, nowMs), at);
}

function lastError({ last_error: error }: Circuit, nowMs: number): readonly (Node | string)[] | string {
  return error ? [code(error.code), ' ', time(relative(error.at, nowMs), error.at)] : '–';
}

function transitions(all: readonly Transition[], nowMs: number): HTMLElement {
  return section(
    'Changes',
    table<Transition>({
      caption: 'The last changes of circuits, the newest first',
      rows: all.slice(0, MOST_TRANSITIONS),
      key: ({ at, replica_id: id, name, to }) => `${at} ${id} ${name} ${to}`,
      empty: 'No circuit has changed since the replicas started.',
      columns: [
        { title: 'When', cell: ({ at }) => time(moment(at, nowMs), at) },
        { title: 'Replica', cell: ({ replica_id: id }) => element('code', { title: id }, short(id)) },
        { title: 'Target', cell: ({ name }) => name },
        { title: 'Change', cell: ({ from, to }) => `${STATES[from]} → ${STATES[to]}` },
        { title: 'Cause', cell: ({ cause }) => cause },
        { title: 'By', cell: ({ by, reason }) => [by ?? '–', reason === null ? '' : `: ${reason}`].join('') },
      ],
    }),
  );
}
