import { base } from '../../shared/api.js';
import { element } from '../../shared/dom.js';
import type { Desk, Place, Screen } from '../desk.js';
import { filterForm } from '../filter-form.js';
import { bytes, relative } from '../format.js';
import { PagedList } from '../paged-list.js';
import type { Letter, LetterGroup, LetterPage } from '../shapes.js';
import { button, code, section, table, time } from '../table.js';
import { orderMany } from './bulk-order.js';
import { letterScreen } from './letter.js';

const FILTER_NAMES = ['reason', 'target', 'owner', 'kind', 'older_than_seconds', 'newer_than_seconds'];

const FIELDS = [
  { name: 'reason', label: 'Cause' },
  { name: 'target', label: 'Target' },
  { name: 'owner', label: 'Owner' },
  { name: 'kind', label: 'Kind', choices: ['delivery', 'registration', 'removal'] },
  { name: 'older_than_seconds', label: 'Dead for more than (s)', isNumber: true },
  { name: 'newer_than_seconds', label: 'Dead for less than (s)', isNumber: true },
];

/** What could not be delivered: by cause and target, one by one, and all that fit a filter at once. */
export function deadLettersScreen(desk: Desk, place: Place): Screen {
  return place.rest === '' ? letterList(desk, place.query) : letterScreen(desk, place.rest, place.query);
}

function letterList(desk: Desk, query: URLSearchParams): Screen {
  const common = { names: FILTER_NAMES, everyMs: 10_000 };
  // Groups are of all that fit, whatever page is shown.
  const filter = new URLSearchParams(query);
  filter.delete('cursor');
  const groups = new PagedList<LetterGroup, { readonly groups: readonly LetterGroup[] }>(desk, {
    ...common,
    path: '/api/v1/dead-letters/groups',
    query: filter,
    pageOf: ({ groups: rows }) => ({ rows, next: null }),
  });
  const letters = new PagedList<Letter, LetterPage>(desk, {
    ...common,
    path: '/api/v1/dead-letters',
    query,
    pageOf: ({ items: rows, next_cursor: next }) => ({ rows, next }),
  });
  const done = (): void => {
    groups.reload();
    letters.reload();
  };
  return {
    title: 'Dead letters',
    render: () => [
      filterForm(FIELDS, query),
      section(
        'By cause and target',
        ...groups.render((rows) => groupTable(rows, desk.nowMs(), filter), false),
      ),
      section(
        'Letters',
        bulkButtons(letters.rows.length > 0),
        ...letters.render((rows) => letterTable(rows, desk.nowMs(), query)),
      ),
    ],
    act: (action) => {
      if (action === 'redeliver' || action === 'drop') orderMany(desk, action, filter, done);
      else letters.act(action, 'dead-letters');
    },
    close: () => {
      groups.close();
      letters.close();
    },
  };
}

function bulkButtons(isShown: boolean): HTMLElement | undefined {
  if (!isShown) return undefined;
  return element(
    'div',
    { class: 'buttons', 'data-key': 'bulk' },
    button('Redeliver all that fit…', 'redeliver'),
    button('Drop all that fit…', 'drop', '', 'danger'),
  );
}

function groupTable(rows: readonly LetterGroup[], nowMs: number, filter: URLSearchParams): HTMLElement {
  return table<LetterGroup>({
    caption: 'How many died of what, and where',
    rows,
    key: ({ kind, reason, target }) => `${kind} ${reason} ${target}`,
    empty: 'There is no dead letter that fits the filter.',
    columns: [
      {
        title: 'Cause',
        cell: (group) => causeOf(group, filter),
      },
      { title: 'Target', cell: ({ target }) => target ?? '–' },
      { title: 'Kind', cell: ({ kind }) => kind },
      { title: 'Letters', isNumber: true, cell: ({ count }) => count.toLocaleString('en') },
      {
        title: 'Oldest',
        isNumber: true,
        cell: ({ oldest_at: at }) => (at === null ? '–' : time(relative(at, nowMs), at)),
      },
    ],
  });
}

/** Leads to this group alone, of what is shown now. The API has no filter for letters without a cause or target. */
function causeOf({ kind, reason, target }: LetterGroup, filter: URLSearchParams): HTMLElement | string {
  if (reason === null || target === null) return reason ?? 'not known';
  const query = new URLSearchParams(filter);
  query.set('kind', kind);
  query.set('reason', reason);
  query.set('target', target);
  return element('a', { href: `${base}/console/dead-letters?${query}` }, reason);
}

function letterTable(rows: readonly Letter[], nowMs: number, query: URLSearchParams): HTMLElement {
  const search = query.size === 0 ? '' : `?${query}`;
  return table<Letter>({
    caption: 'Dead letters, the newest first',
    rows,
    key: ({ id }) => id,
    empty: 'There is no dead letter that fits the filter.',
    columns: [
      {
        title: 'File',
        cell: ({ id, original_filename: name }) =>
          element('a', { href: `${base}/console/dead-letters/${id}${search}` }, name),
      },
      {
        title: 'Died',
        isNumber: true,
        cell: ({ dead_at: at }) => (at === null ? '–' : time(relative(at, nowMs), at)),
      },
      { title: 'Cause', cell: ({ reason }) => (reason === null ? '–' : code(reason)) },
      { title: 'Target', cell: ({ target }) => target ?? '–' },
      { title: 'Kind', cell: ({ kind }) => kind },
      { title: 'Owner', cell: ({ owner }) => owner },
      { title: 'Size', isNumber: true, cell: ({ size }) => bytes(size) },
      { title: 'Tries', isNumber: true, cell: ({ attempts }) => String(attempts) },
    ],
  });
}
