import { ApiError, base, problemOf } from '../../shared/api.js';
import { element } from '../../shared/dom.js';
import type { Desk, Screen } from '../desk.js';
import { bytes, moment } from '../format.js';
import { PagedList } from '../paged-list.js';
import { ask, REASON } from '../question.js';
import type { LetterHistory } from '../shapes.js';
import { badge, button, code, section, table, time } from '../table.js';
import { fact } from './bulk-order.js';

/** One dead letter, with everything that happened to it; `query` is of the list where it was seen. */
export function letterScreen(desk: Desk, id: string, query: URLSearchParams): Screen {
  const back = query.size === 0 ? 'dead-letters' : `dead-letters?${query}`;
  const path = `/api/v1/dead-letters/${encodeURIComponent(id)}`;
  const list = new PagedList<LetterHistory, LetterHistory>(desk, {
    path,
    query: new URLSearchParams(),
    names: [],
    everyMs: 10_000,
    pageOf: (letter) => ({ rows: [letter], next: null }),
  });
  const name = (): string => list.rows[0]?.original_filename ?? id;
  return {
    title: 'Dead letter',
    render: () => [
      element(
        'p',
        { 'data-key': 'back' },
        element('a', { href: `${base}/console/${back}` }, 'All dead letters'),
      ),
      ...list.render(
        (rows) =>
          element('div', { 'data-key': 'letter' }, ...rows.flatMap((row) => facts(row, desk.nowMs()))),
        false,
      ),
    ],
    act: (action) => {
      if (action === 'redeliver-one') redeliver(desk, path, () => list.reload());
      else if (action === 'drop-one') drop(desk, path, name(), back);
      else if (action === 'download') void download(desk, path, name());
    },
    close: () => list.close(),
  };
}

function facts(letter: LetterHistory, nowMs: number): Node[] {
  const { state, has_content: hasContent } = letter;
  const isDead = state === 'dead';
  return [
    element(
      'dl',
      { class: 'facts' },
      ...fact('File', letter.original_filename),
      ...fact('State', state),
      ...fact('Cause', letter.reason ?? 'not known'),
      ...fact('Target', letter.target ?? '–'),
      ...fact('Kind', letter.kind),
      ...fact('Owner', letter.owner),
      ...fact('Size', `${bytes(letter.size)} of ${letter.content_type}`),
      ...fact('Uploaded', moment(letter.created_at, nowMs)),
      ...fact('Died', letter.dead_at === null ? '–' : moment(letter.dead_at, nowMs)),
      ...fact('Upload', letter.upload_id),
      ...(letter.doubtful_targets.length === 0 ? [] : fact('May be at', letter.doubtful_targets.join(', '))),
    ),
    element(
      'div',
      { class: 'buttons' },
      hasContent ? button('Download the file', 'download') : undefined,
      isDead ? button('Redeliver…', 'redeliver-one') : undefined,
      isDead ? button('Drop…', 'drop-one', '', 'danger') : undefined,
    ),
    attempts(letter, nowMs),
    orders(letter, nowMs),
  ];
}

function attempts({ history }: LetterHistory, nowMs: number): HTMLElement {
  return section(
    'Tries',
    table<LetterHistory['history'][number]>({
      caption: 'What was tried, the oldest first',
      rows: history,
      key: ({ number, target, started_at: at }) => `${number} ${target} ${at}`,
      empty: 'It was not tried.',
      columns: [
        { title: 'Try', isNumber: true, cell: ({ number }) => String(number) },
        { title: 'When', cell: ({ started_at: at }) => time(moment(at, nowMs), at) },
        { title: 'Target', cell: ({ target }) => target ?? '–' },
        { title: 'Outcome', cell: ({ outcome }) => badge(outcome ?? 'not known', 'plain') },
        {
          title: 'Code',
          cell: ({ code: why, status_code: status }) =>
            why === null ? '–' : [code(why), status === null ? '' : ` ${status}`],
        },
        { title: 'Detail', cell: ({ detail }) => detail ?? '–' },
      ],
    }),
  );
}

function orders({ orders: all }: LetterHistory, nowMs: number): HTMLElement {
  return section(
    'Orders',
    table<LetterHistory['orders'][number]>({
      caption: 'What operators did',
      rows: all,
      key: ({ at, action }) => `${at} ${action}`,
      empty: 'No operator has done anything with it.',
      columns: [
        { title: 'When', cell: ({ at }) => time(moment(at, nowMs), at) },
        { title: 'Who', cell: ({ who }) => who },
        { title: 'Action', cell: ({ action }) => action },
        { title: 'Reason', cell: ({ reason }) => reason ?? '–' },
      ],
    }),
  );
}

function redeliver(desk: Desk, path: string, onDone: () => void): void {
  ask(desk, {
    title: 'Redeliver this one?',
    content: ['It is tried again, with all its tries.'],
    fields: [REASON],
    confirm: 'Redeliver it',
    run: async ({ reason }) => {
      await desk.api.ask(`${path}/redeliver`, { method: 'POST', body: { reason } });
      desk.say('It is tried again.');
      onDone();
    },
  });
}

function drop(desk: Desk, path: string, name: string, back: string): void {
  ask(desk, {
    title: 'Drop this one?',
    content: [`${name} is gone for good.`],
    fields: [REASON],
    confirm: 'Drop it',
    isDangerous: true,
    run: async ({ reason }) => {
      await desk.api.ask(path, { method: 'DELETE', body: { reason } });
      desk.go(back);
      desk.say('It is dropped.');
    },
  });
}

/** A link would send no token. */
async function download(desk: Desk, path: string, name: string): Promise<void> {
  try {
    desk.say('The file is fetched.');
    const response = await desk.api.send(`${path}/content`, {});
    if (!response.ok) throw new ApiError(await problemOf(response));
    const url = URL.createObjectURL(await response.blob());
    element('a', { href: url, download: name }).click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    desk.say(`${name} is downloaded.`);
  } catch (error) {
    desk.say(desk.refused(error));
  }
}
