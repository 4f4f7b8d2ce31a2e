import { element } from '../../shared/dom.js';
import type { Desk, Place, Screen } from '../desk.js';
import { filterForm } from '../filter-form.js';
import { moment } from '../format.js';
import { PagedList } from '../paged-list.js';
import type { AuditEntry, AuditPage } from '../shapes.js';
import { table, time } from '../table.js';

/** Who did what, and why. */
export function auditScreen(desk: Desk, { query }: Place): Screen {
  const names = ['who', 'action', 'subject'];
  const list = new PagedList<AuditEntry, AuditPage>(desk, {
    path: '/api/v1/audit',
    query,
    names,
    everyMs: 10_000,
    pageOf: ({ entries: rows, next_cursor: next }) => ({ rows, next }),
  });
  const labels = ['Who', 'Action', 'Subject'];
  return {
    title: 'Audit',
    render: () => [
      filterForm(
        names.map((name, index) => ({ name, label: labels[index] ?? name })),
        query,
      ),
      ...list.render((rows) => entries(rows, desk.nowMs())),
    ],
    act: (action) => void list.act(action, 'audit'),
    close: () => list.close(),
  };
}

function entries(rows: readonly AuditEntry[], nowMs: number): HTMLElement {
  return table<AuditEntry>({
    caption: 'What operators did, the newest first',
    rows,
    key: ({ audit_id: id }) => String(id),
    empty: 'Nobody has done anything that fits the filter.',
    columns: [
      { title: 'When', cell: ({ at }) => time(moment(at, nowMs), at) },
      { title: 'Who', cell: ({ who }) => who },
      { title: 'Action', cell: ({ action }) => action },
      { title: 'Subject', cell: ({ subject }) => (subject === null ? '–' : element('code', {}, subject)) },
      { title: 'Reason', cell: ({ reason }) => reason ?? '–' },
      {
        title: 'More',
        cell: ({ data }) =>
          data === null || data === undefined ? '–' : element('code', {}, JSON.stringify(data)),
      },
    ],
  });
}
