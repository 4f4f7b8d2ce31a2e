import { base } from '../shared/api.js';
import { element } from '../shared/dom.js';
import { duration } from './format.js';
import type { FeedState } from './live-feed.js';

export const SCREENS = [
  ['now', 'Now'],
  ['targets', 'Targets'],
  ['uploads', 'Uploads'],
  ['queue', 'Queue and spool'],
  ['dead-letters', 'Dead letters'],
  ['audit', 'Audit'],
] as const;
export type ScreenName = (typeof SCREENS)[number][0];

/** Data that is older than this is called old. */
export const OLD_SECONDS = 5;

/** What stands around every screen. */
export interface Frame {
  readonly heading: HTMLHeadingElement;
  readonly content: HTMLElement;
  readonly tools: HTMLElement;
  readonly navigation: HTMLElement;
  readonly forget: HTMLButtonElement;
  showPlace(name: ScreenName, title: string): void;
  /** How old the data is; `atMs` is when it came, by `performance.now()`. */
  showAge(state: FeedState, atMs: number | undefined): void;
  /** Shows that the content is of the past. */
  dim(isOld: boolean): void;
  say(sentence: string): void;
}

/** `14:03:12` of a moment by `performance.now()`, as the reader's clock shows it. */
export function clockAt(atMs: number): string {
  return new Date(Date.now() - performance.now() + atMs).toTimeString().slice(0, 8);
}

export function frame(main: HTMLElement): Frame {
  const links = SCREENS.map(([name, title]) => element('a', { href: `${base}/console/${name}` }, title));
  const navigation = element('nav', { class: 'screens', 'aria-label': 'Screens' }, ...links);
  const age = element('p', { class: 'age' });
  const forget = element('button', { type: 'button', class: 'quiet' }, 'Forget the token');
  const tools = element('div', { class: 'tools' }, age, forget);
  const lost = element('p', { class: 'lost', role: 'alert' });
  const said = element('p', { class: 'said', role: 'status' });
  const heading = element('h1', { tabindex: -1 });
  const content = element('div', { class: 'content' });
  main.before(
    element('a', { class: 'skip', href: '#main' }, 'Skip to the content'),
    element('header', {}, element('p', { class: 'brand' }, 'Ingester'), navigation, tools),
  );
  main.append(lost, heading, said, content);
  return {
    heading,
    content,
    tools,
    navigation,
    forget,
    showPlace: (name, title) => {
      heading.textContent = title;
      document.title = `${title} – Ingester`;
      links.forEach((link, index) => {
        if (SCREENS[index]?.[0] === name) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      });
    },
    showAge: (state, atMs) => {
      const seconds = atMs === undefined ? undefined : (performance.now() - atMs) / 1000;
      set(age, ageText(seconds));
      age.classList.toggle('old', seconds === undefined || seconds > OLD_SECONDS);
      set(lost, lostText(state, atMs));
    },
    dim: (isOld) => void content.classList.toggle('old', isOld),
    say: (sentence) => set(said, sentence),
  };
}

function ageText(seconds: number | undefined): string {
  return seconds === undefined ? 'No data yet' : `Data ${duration(seconds)} old`;
}

/** It is read out when it changes, so that it names the moment and counts nothing. */
function lostText(state: FeedState, atMs: number | undefined): string {
  if (state.kind !== 'lost') return '';
  const since = atMs === undefined ? '' : ` What you see is of ${clockAt(atMs)}.`;
  return `No data comes any more: ${state.why}${since} It is tried again by itself.`;
}

function set(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
