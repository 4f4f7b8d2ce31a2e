import { ask, REASON } from '../question.js';
import type { Desk } from '../desk.js';
import { relative, short } from '../format.js';
import { badge, button, section, table, time } from '../table.js';
import type { Order } from '../shapes.js';

const FOR = {
  name: 'ttl_seconds',
  label: 'For how long',
  hint: 'After that calls are tried again by themselves.',
  choices: [
    ['15 minutes', '900'],
    ['1 hour', '3600'],
    ['4 hours', '14400'],
    ['24 hours', '86400'],
    ['until it is reset', ''],
  ],
} as const;

/** What operators have ordered and still holds. */
export function ordersSection({ snapshot }: Desk, nowMs: number): HTMLElement {
  const orders = snapshot?.orders ?? [];
  return section(
    'Orders that hold',
    table<Order>({
      caption: 'What operators have ordered',
      rows: orders,
      key: ({ order_id: id }) => id,
      empty: 'No order holds: nothing is forced open, and no replica drains.',
      columns: [
        { title: 'Order', cell: ({ kind }) => badge(kind === 'drain' ? 'drain' : 'forced open', 'warn') },
        {
          title: 'Of',
          cell: ({ target, replica_id: id }) =>
            target ?? (id === null ? 'all replicas' : `replica ${short(id)}`),
        },
        { title: 'Reason', cell: ({ reason }) => reason ?? '–' },
        { title: 'By', cell: ({ by }) => by },
        { title: 'Since', cell: ({ ordered_at: at }) => time(relative(at, nowMs), at) },
        {
          title: 'Ends',
          cell: ({ until }) => (until === null ? 'when it is lifted' : time(relative(until, nowMs), until)),
        },
        { title: '', cell: ({ order_id: id }) => button('Lift', 'lift', id) },
      ],
    }),
  );
}

/** Does what the buttons of orders, replicas and targets say. Gives whether it was one of them. */
export function actOnOrders(desk: Desk, action: string, subject: string): boolean {
  switch (action) {
    case 'lift':
      lift(desk, subject);
      return true;
    case 'drain':
      drain(desk, subject);
      return true;
    case 'force-open':
      forceOpen(desk, subject);
      return true;
    case 'reset':
      reset(desk, subject);
      return true;
    default:
      return false;
  }
}

function lift(desk: Desk, id: string): void {
  const order = desk.snapshot?.orders.find(({ order_id: each }) => each === id);
  const what =
    order?.kind === 'drain' ? 'The replica takes uploads again.' : 'Calls to the target are tried again.';
  ask(desk, {
    title: 'Lift this order?',
    content: [what],
    fields: [REASON],
    confirm: 'Lift it',
    run: async ({ reason }) => {
      await desk.api.ask(`/api/v1/orders/${encodeURIComponent(id)}`, { method: 'DELETE', body: { reason } });
      desk.say('The order is lifted.');
    },
  });
}

function drain(desk: Desk, replicaId: string): void {
  ask(desk, {
    title: `Drain replica ${short(replicaId)}?`,
    content: [
      'It takes no new uploads, finishes those under way, and keeps delivering, until the order is lifted.',
    ],
    fields: [REASON],
    confirm: 'Drain it',
    isDangerous: true,
    run: async ({ reason }) => {
      const body = { kind: 'drain', replica_id: replicaId, reason };
      await desk.api.ask('/api/v1/orders', { method: 'POST', body });
      desk.say(`Replica ${short(replicaId)} drains.`);
    },
  });
}

function forceOpen(desk: Desk, target: string): void {
  ask(desk, {
    title: `Force the circuit of ${target} open?`,
    content: ['No replica calls it any more. Uploads go to other elements, or wait.'],
    fields: [REASON, FOR],
    confirm: 'Force it open',
    isDangerous: true,
    run: async ({ reason, ttl_seconds: ttl }) => {
      const body = {
        kind: 'force-open',
        target,
        reason,
        ...(ttl !== undefined && { ttl_seconds: Number(ttl) }),
      };
      await desk.api.ask('/api/v1/orders', { method: 'POST', body });
      desk.say(`The circuit of ${target} is forced open.`);
    },
  });
}

function reset(desk: Desk, target: string): void {
  ask(desk, {
    title: `Reset the circuit of ${target}?`,
    content: [
      'It is closed on all replicas, and what it was forced to is lifted. Calls are made again at once.',
    ],
    fields: [REASON],
    confirm: 'Reset it',
    run: async ({ reason }) => {
      await desk.api.ask('/api/v1/orders', { method: 'POST', body: { kind: 'reset', target, reason } });
      desk.say(`The circuit of ${target} is reset.`);
    },
  });
}
