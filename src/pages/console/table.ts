import { element } from '../shared/dom.js';

export type Cell = Node | string;

interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => Cell | readonly Cell[];
  /** Figures stand under each other at the right. */
  readonly isNumber?: boolean;
}

interface TableOptions<T> {
  readonly caption: string;
  readonly rows: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly key: (row: T) => string;
  /** What is said where there are no rows. */
  readonly empty: string;
}

/** A table; on a narrow screen each row becomes a card, and the roles say that it is a table all the same. */
export function table<T>({ caption, rows, columns, key, empty }: TableOptions<T>): HTMLElement {
  if (rows.length === 0) return element('p', { class: 'empty', 'data-key': `empty:${caption}` }, empty);
  const head = element(
    'tr',
    { role: 'row' },
    ...columns.map(({ title, isNumber }) =>
      element('th', { scope: 'col', role: 'columnheader', class: isNumber === true && 'number' }, title),
    ),
  );
  const body = rows.map((row) =>
    element('tr', { role: 'row', 'data-key': key(row) }, ...columns.map((column) => cellOf(column, row))),
  );
  return element(
    'table',
    { role: 'table', 'data-key': `table:${caption}` },
    element('caption', {}, caption),
    element('thead', { role: 'rowgroup' }, head),
    element('tbody', { role: 'rowgroup' }, ...body),
  );
}

function cellOf<T>({ title, cell, isNumber }: Column<T>, row: T): HTMLElement {
  const content = cell(row);
  const parts: readonly Cell[] = typeof content === 'string' || content instanceof Node ? [content] : content;
  return element(
    'td',
    { role: 'cell', 'data-title': title, class: isNumber === true && 'number' },
    element('div', {}, ...parts),
  );
}

/** A button that its screen understands by `action` and `subject`; nothing listens to it alone. */
export function button(text: string, action: string, subject = '', look = ''): HTMLButtonElement {
  return element(
    'button',
    { type: 'button', 'data-action': action, 'data-subject': subject, class: look === '' ? undefined : look },
    text,
  );
}

/** Gives a button a longer name, where several have the same text. */
export function named(pressed: HTMLButtonElement, name: string): HTMLButtonElement {
  pressed.setAttribute('aria-label', name);
  return pressed;
}

/** An address or id that may be long, and may break anywhere. */
export function code(text: string): HTMLElement {
  return element('code', {}, text);
}

export function badge(text: string, level: 'good' | 'warn' | 'bad' | 'plain'): HTMLElement {
  return element('span', { class: `badge ${level}` }, text);
}

/** A time that shows how long ago it was, and says the moment when it is pointed at. */
export function time(text: string, at: string): HTMLElement {
  return element('time', { datetime: at, title: at }, text);
}

export function section(title: string, ...content: readonly (Node | string | undefined)[]): HTMLElement {
  return element('section', { 'data-key': title, 'aria-label': title }, element('h2', {}, title), ...content);
}
