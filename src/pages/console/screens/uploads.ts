import { base } from '../../shared/api.js';
import { element } from '../../shared/dom.js';
import type { Desk, Place, Screen } from '../desk.js';
import { filterForm } from '../filter-form.js';
import { bytes, duration, relative, secondsSince, short } from '../format.js';
import { type Page, PagedList } from '../paged-list.js';
import { ask, REASON } from '../question.js';
import type { ActiveUpload, RecentUpload, UploadPage } from '../shapes.js';
import { badge, button, code, table, time } from '../table.js';

const PROTOCOLS = ['form', 'raw', 'tus', 'resumable'];
const PHASES = ['waiting', 'receiving', 'storing', 'accepting'];
const OUTCOMES = ['stored', 'accepted', 'rejected', 'failed', 'client_abort'];
const LEVELS: Readonly<Record<string, 'good' | 'warn' | 'bad'>> = {
  stored: 'good',
  accepted: 'good',
  failed: 'bad',
};

/** Uploads under way, or those that have ended. */
export function uploadsScreen(desk: Desk, place: Place): Screen {
  return place.rest === 'recent' ? recentUploads(desk, place.query) : activeUploads(desk, place.query);
}

function activeUploads(desk: Desk, query: URLSearchParams): Screen {
  const list = new PagedList<ActiveUpload, UploadPage<ActiveUpload>>(desk, {
    path: '/api/v1/active-uploads',
    query,
    names: ['caller', 'protocol', 'phase', 'target'],
    everyMs: 2_000,
    pageOf,
  });
  const form = (): HTMLElement =>
    filterForm(
      [
        { name: 'caller', label: 'Caller' },
        { name: 'protocol', label: 'Protocol', choices: PROTOCOLS },
        { name: 'phase', label: 'Phase', choices: PHASES },
        { name: 'target', label: 'Target' },
      ],
      query,
    );
  return {
    title: 'Uploads in flight',
    render: () => [tabs(''), form(), ...list.render((rows) => activeTable(rows, desk.nowMs()))],
    act: (action, subject) => {
      if (action === 'abort') abort(desk, subject, list);
      else list.act(action, 'uploads');
    },
    close: () => list.close(),
  };
}

function activeTable(rows: readonly ActiveUpload[], nowMs: number): HTMLElement {
  return table<ActiveUpload>({
    caption: 'Uploads in flight, of all replicas',
    rows,
    key: ({ upload_id: id }) => id,
    empty: 'No upload is in flight that fits the filter.',
    columns: [
      { title: 'Upload', cell: ({ upload_id: id }) => element('code', { title: id }, short(id)) },
      { title: 'Caller', cell: ({ caller }) => caller },
      { title: 'Protocol', cell: ({ protocol }) => protocol },
      { title: 'Phase', cell: ({ phase }) => badge(phase, 'plain') },
      { title: 'Received', isNumber: true, cell: receivedOf },
      { title: 'Rate', isNumber: true, cell: ({ bytes_per_second: speed }) => `${bytes(speed)}/s` },
      {
        title: 'Target',
        cell: ({ target, attempt }) =>
          target === null ? '–' : `${target}${attempt > 1 ? `, try ${attempt}` : ''}`,
      },
      {
        title: 'For',
        isNumber: true,
        cell: ({ started_at: at }) => time(duration(secondsSince(at, nowMs)), at),
      },
      { title: 'Replica', cell: ({ replica_id: id }) => element('code', { title: id }, short(id)) },
      { title: '', cell: ({ upload_id: id }) => button('Abort', 'abort', id, 'danger') },
    ],
  });
}

function receivedOf({ bytes_received: received, declared_bytes: declared }: ActiveUpload): string {
  if (declared === null) return bytes(received);
  const percent = declared === 0 ? 100 : Math.min(100, Math.floor((received / declared) * 100));
  return `${bytes(received)} of ${bytes(declared)}, ${percent} %`;
}

function recentUploads(desk: Desk, query: URLSearchParams): Screen {
  const list = new PagedList<RecentUpload, UploadPage<RecentUpload>>(desk, {
    path: '/api/v1/recent-uploads',
    query,
    names: ['caller', 'protocol', 'outcome'],
    everyMs: 5_000,
    pageOf,
  });
  const form = (): HTMLElement =>
    filterForm(
      [
        { name: 'caller', label: 'Caller' },
        { name: 'protocol', label: 'Protocol', choices: PROTOCOLS },
        { name: 'outcome', label: 'Outcome', choices: OUTCOMES },
      ],
      query,
    );
  return {
    title: 'Recent uploads',
    render: () => [tabs('/recent'), form(), ...list.render((rows) => recentTable(rows, desk.nowMs()))],
    act: (action) => void list.act(action, 'uploads/recent'),
    close: () => list.close(),
  };
}

function recentTable(rows: readonly RecentUpload[], nowMs: number): HTMLElement {
  return table<RecentUpload>({
    caption: 'Uploads that have ended, the newest first',
    rows,
    key: ({ upload_id: id, ended_at: at }) => `${id} ${at}`,
    empty: 'No upload has ended that fits the filter.',
    columns: [
      { title: 'Ended', isNumber: true, cell: ({ ended_at: at }) => time(relative(at, nowMs), at) },
      { title: 'Upload', cell: ({ upload_id: id }) => element('code', { title: id }, short(id)) },
      { title: 'Caller', cell: ({ caller }) => caller },
      { title: 'Protocol', cell: ({ protocol }) => protocol },
      { title: 'Outcome', cell: ({ outcome }) => badge(outcome, LEVELS[outcome] ?? 'warn') },
      { title: 'Code', cell: ({ code: why }) => (why === null ? '–' : code(why)) },
      { title: 'Now', cell: ({ status }) => status ?? '–' },
      { title: 'Bytes', isNumber: true, cell: ({ bytes: size }) => bytes(size) },
      {
        title: 'Took',
        isNumber: true,
        cell: ({ duration_ms: ms }) => (ms < 1_000 ? `${ms} ms` : duration(ms / 1_000)),
      },
      { title: 'Target', cell: ({ target }) => target ?? '–' },
    ],
  });
}

function tabs(current: '' | '/recent'): HTMLElement {
  const tab = (text: string, path: '' | '/recent'): HTMLElement =>
    element(
      'a',
      { href: `${base}/console/uploads${path}`, 'aria-current': path === current && 'page' },
      text,
    );
  return element(
    'nav',
    { class: 'tabs', 'aria-label': 'Uploads', 'data-key': 'tabs' },
    tab('In flight', ''),
    tab('Recent', '/recent'),
  );
}

function pageOf<T>(page: UploadPage<T>): Page<T> {
  const { uploads: rows, next_cursor: next, unanswered_replicas: silent = [] } = page;
  if (silent.length === 0) return { rows, next };
  return { rows, next, note: `Not all is seen: replica ${silent.map(short).join(', ')} did not answer.` };
}

function abort(desk: Desk, id: string, list: Pick<PagedList<ActiveUpload>, 'rows' | 'reload'>): void {
  const upload = list.rows.find(({ upload_id: each }) => each === id);
  ask(desk, {
    title: `Abort upload ${short(id)}?`,
    content: [
      `${upload?.caller ?? 'The client'} is told that an operator has ended it. What was received is discarded.`,
    ],
    fields: [REASON],
    confirm: 'Abort it',
    isDangerous: true,
    run: async ({ reason }) => {
      await desk.api.ask(`/api/v1/active-uploads/${encodeURIComponent(id)}`, {
        method: 'DELETE',
        body: { reason },
      });
      desk.say(`Upload ${short(id)} is aborted.`);
      list.reload();
    },
  });
}
