import { drawn, element } from '../../shared/dom.js';
import type { Desk, Screen } from '../desk.js';
import { bytes, duration, relative, secondsSince, short } from '../format.js';
import { spoolFill } from '../history.js';
import type { Queue, Replica, Snapshot } from '../shapes.js';
import { databaseAge } from '../situation.js';
import { badge, section, table, time } from '../table.js';

/** What waits to be delivered, and where it lies. */
export function queueScreen(desk: Desk): Screen {
  return {
    title: 'Queue and spool',
    isLive: true,
    render: () => {
      const { snapshot } = desk;
      if (!snapshot) return [element('p', { class: 'empty' }, 'The first data is on its way.')];
      const { queue } = snapshot;
      const asOf = databaseAge(snapshot);
      return [
        ...(asOf === undefined
          ? []
          : [element('p', { class: 'hint', 'data-key': 'as-of' }, `What waits is ${asOf}.`)]),
        queue === null
          ? element(
              'p',
              { class: 'problem', role: 'alert' },
              'The database does not answer: what waits is not known.',
            )
          : lanes(queue, desk.nowMs()),
        spools(snapshot),
        ...(queue === null ? [] : [known(queue, desk.nowMs())]),
      ];
    },
  };
}

function lanes(queue: Queue, nowMs: number): HTMLElement {
  return section(
    'Queue',
    table<Queue['lanes'][number]>({
      caption: 'What waits, by kind and lane',
      rows: queue.lanes,
      key: ({ kind, lane }) => `${kind} ${lane}`,
      empty: 'Nothing waits.',
      columns: [
        { title: 'Kind', cell: ({ kind }) => kind },
        { title: 'Lane', cell: ({ lane }) => lane },
        { title: 'Waiting', isNumber: true, cell: ({ waiting }) => waiting.toLocaleString('en') },
        { title: 'Running', isNumber: true, cell: ({ running }) => running.toLocaleString('en') },
        {
          title: 'Oldest waits for',
          isNumber: true,
          cell: ({ oldest_waiting_since: at }) =>
            at === null ? '–' : time(duration(secondsSince(at, nowMs)), at),
        },
      ],
    }),
  );
}

function spools({ replicas }: Snapshot): HTMLElement {
  return section(
    'Spools of replicas',
    table<Replica>({
      caption: 'Room for accepted files',
      rows: replicas.filter(({ lives }) => lives),
      key: ({ replica_id: id }) => id,
      empty: 'No replica is known.',
      columns: [
        { title: 'Replica', cell: ({ replica_id: id }) => element('code', { title: id }, short(id)) },
        {
          title: 'Accepts',
          cell: ({ spool }) =>
            spool.shut === null ? badge('yes', 'good') : badge(`no: ${spool.shut}`, 'bad'),
        },
        { title: 'Fill', cell: (replica) => fillBar(spoolFill(replica)) },
        { title: 'Bytes', isNumber: true, cell: ({ spool }) => bytes(spool.bytes) },
        { title: 'Files', isNumber: true, cell: ({ spool }) => spool.files.toLocaleString('en') },
        {
          title: 'Limit',
          isNumber: true,
          cell: ({ spool }) => (spool.limit_bytes === 0 ? 'the disk' : bytes(spool.limit_bytes)),
        },
        {
          title: 'Free on disk',
          isNumber: true,
          cell: ({ spool }) => (spool.free_bytes === null ? '–' : bytes(spool.free_bytes)),
        },
      ],
    }),
  );
}

function fillBar(fill: number): HTMLElement {
  const percent = Math.round(fill * 100);
  const level = fill >= 0.9 ? 'bad' : 'good';
  return element(
    'span',
    { class: 'fill' },
    drawn(
      'svg',
      { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      drawn('rect', { class: 'room', width: 100, height: 10 }),
      drawn('rect', { class: level, width: percent, height: 10 }),
    ),
    `${percent} %`,
  );
}

function known(queue: Queue, nowMs: number): HTMLElement {
  return section(
    'All spools',
    table<Queue['spools'][number]>({
      caption: 'Spools that replicas have or had',
      rows: queue.spools,
      key: ({ spool_id: id }) => id,
      empty: 'There is one process, with one spool.',
      columns: [
        { title: 'Spool', cell: ({ spool_id: id }) => element('code', { title: id }, short(id)) },
        {
          title: 'Its replica',
          cell: ({ lives }) => (lives ? badge('lives', 'good') : badge('is gone', 'bad')),
        },
        { title: 'Address', cell: ({ address }) => address ?? '–' },
        {
          title: 'Seen',
          isNumber: true,
          cell: ({ last_seen_at: at }) => (at === null ? '–' : time(relative(at, nowMs), at)),
        },
        { title: 'Files waiting', isNumber: true, cell: ({ waiting }) => waiting.toLocaleString('en') },
      ],
    }),
  );
}
