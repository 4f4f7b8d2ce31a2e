import { element } from '../shared/dom.js';
import type { Desk } from './desk.js';
import { duration, secondsSince } from './format.js';
import { button } from './table.js';

export interface Page<T> {
  readonly rows: readonly T[];
  readonly next: string | null;
  /** What is to be known of the page. */
  readonly note?: string;
}

interface PagedListOptions<T, Answer> {
  /** What is asked for, without filter. */
  readonly path: string;
  /** Filter and cursor, as they stand in the URL of the page. */
  readonly query: URLSearchParams;
  /** Members of the filter that the service knows. */
  readonly names: readonly string[];
  readonly everyMs: number;
  readonly pageOf: (answer: Answer) => Page<T>;
}

/** A list that the service pages, asked for again and again while somebody looks. */
export class PagedList<T, Answer = unknown> {
  private loading = new AbortController();
  private timer = 0;
  private page: Page<T> | undefined;
  private error: string | undefined;
  private at = '';

  constructor(
    private readonly desk: Desk,
    private readonly options: PagedListOptions<T, Answer>,
  ) {
    void this.load();
  }

  get rows(): readonly T[] {
    return this.page?.rows ?? [];
  }

  /** Asks at once, anew: an answer that is under way may be of the time before an order. */
  reload(): void {
    clearTimeout(this.timer);
    void this.load();
  }

  close(): void {
    clearTimeout(this.timer);
    this.loading.abort();
  }

  /** The list with its age, or why there is none; `hasPager`: with the buttons that go from page to page. */
  render(content: (rows: readonly T[]) => HTMLElement, hasPager = true): readonly Node[] {
    const problem =
      this.error === undefined ? [] : [element('p', { class: 'problem', role: 'alert' }, this.error)];
    if (!this.page)
      return this.error === undefined ? [element('p', { class: 'empty' }, 'The service is asked.')] : problem;
    const { note } = this.page;
    return [
      ...problem,
      ...(note === undefined ? [] : [element('p', { class: 'problem' }, note)]),
      content(this.page.rows),
      hasPager ? this.pager() : element('p', { class: 'hint', 'data-key': 'age' }, this.age()),
    ];
  }

  /** Goes to another page, where a button of the list asks for it. */
  act(action: string, here: string): boolean {
    if (action === 'reload') this.reload();
    else if (action === 'first-page' || action === 'next-page') {
      const query = new URLSearchParams(this.options.query);
      query.delete('cursor');
      if (action === 'next-page' && this.page?.next) query.set('cursor', this.page.next);
      this.desk.go(`${here}?${query}`);
    } else return false;
    return true;
  }

  private pager(): HTMLElement {
    const isFirst = !this.options.query.has('cursor');
    return element(
      'div',
      { class: 'pager', 'data-key': 'pager' },
      isFirst ? undefined : button('First page', 'first-page'),
      this.page?.next ? button('Next page', 'next-page') : undefined,
      button('Ask again', 'reload'),
      element('span', { class: 'hint' }, this.age()),
    );
  }

  private age(): string {
    const seconds = secondsSince(this.at, Date.now());
    return `Asked ${seconds < 1 ? 'just now' : `${duration(seconds)} ago`}.`;
  }

  private async load(): Promise<void> {
    this.loading.abort();
    const loading = new AbortController();
    this.loading = loading;
    try {
      const answer = await this.desk.api.ask<Answer>(this.address(), { signal: loading.signal });
      if (loading.signal.aborted) return;
      this.page = this.options.pageOf(answer);
      this.at = new Date().toISOString();
      this.error = undefined;
    } catch (error) {
      if (loading.signal.aborted) return;
      this.error = this.desk.refused(error);
    }
    if (loading.signal.aborted) return;
    this.desk.redraw();
    this.timer = setTimeout(() => void this.look(), this.options.everyMs);
  }

  /** Nobody looks at a page in the background. */
  private look(): Promise<void> | undefined {
    if (!document.hidden) return this.load();
    this.timer = setTimeout(() => void this.look(), this.options.everyMs);
    return undefined;
  }

  private address(): string {
    const query = new URLSearchParams();
    for (const name of [...this.options.names, 'cursor']) {
      const value = this.options.query.get(name);
      if (value) query.set(name, value);
    }
    return query.size === 0 ? this.options.path : `${this.options.path}?${query}`;
  }
}
