import { Api, ApiError, base, type Problem } from '../shared/api.js';
import type { SignIn } from '../shared/sign-in.js';
import { tokenForm } from '../shared/token-form.js';
import type { Desk, Place, Screen } from './desk.js';
import { clockAt, type Frame, frame, OLD_SECONDS, type ScreenName, SCREENS } from './frame.js';
import { History } from './history.js';
import { type FeedState, LiveFeed } from './live-feed.js';
import { morph } from './morph.js';
import { valuesOf } from './question.js';
import type { Snapshot } from './shapes.js';
import { auditScreen } from './screens/audit.js';
import { deadLettersScreen } from './screens/dead-letters.js';
import { nowScreen } from './screens/now.js';
import { queueScreen } from './screens/queue.js';
import { targetsScreen } from './screens/targets.js';
import { uploadsScreen } from './screens/uploads.js';

const MAKE: Readonly<Record<ScreenName, (desk: Desk, place: Place) => Screen>> = {
  now: nowScreen,
  targets: targetsScreen,
  uploads: uploadsScreen,
  queue: queueScreen,
  'dead-letters': deadLettersScreen,
  audit: auditScreen,
};
const HINT =
  'It needs admin:read, and admin:write for orders. It stays in the memory of this page until you close or reload it.';
const ROOT = `${base}/console`;

/** The console: one screen at a time, the stream of data, and the token. */
export class Console implements Desk {
  readonly api = new Api();
  history = new History();
  snapshot: Snapshot | undefined;
  private receivedMs: number | undefined;
  private state: FeedState = { kind: 'connecting' };
  private screen: Screen | undefined;
  private readonly frame: Frame;
  private readonly feed: LiveFeed;

  constructor(
    main: HTMLElement,
    private readonly signIn: SignIn | undefined,
    /** The token of a sign-in that comes back just now. */
    arriving: Promise<string> | undefined,
  ) {
    this.frame = frame(main);
    this.feed = new LiveFeed(this.api, {
      onSnapshot: (snapshot) => this.take(snapshot),
      onState: (state) => {
        this.state = state;
        this.showAge();
        this.redraw();
      },
      onRefused: (problem) => this.askForToken(problem),
    });
    this.listen();
    this.askForToken(undefined, arriving);
    setInterval(() => this.tick(), 1_000);
  }

  get unknownSince(): string | undefined {
    if (this.receivedMs === undefined) return undefined;
    const isOld = performance.now() - this.receivedMs > OLD_SECONDS * 1_000;
    return isOld || this.state.kind === 'lost' ? clockAt(this.receivedMs) : undefined;
  }

  nowMs(): number {
    if (!this.snapshot || this.receivedMs === undefined) return Date.now();
    return Date.parse(this.snapshot.at) + performance.now() - this.receivedMs;
  }

  redraw(): void {
    if (!this.screen || document.hidden) return;
    morph(this.frame.content, this.screen.render());
    this.frame.dim(this.screen.isLive === true && this.unknownSince !== undefined);
  }

  go(path: string): void {
    history.pushState(null, '', `${ROOT}/${path.replace(/\?$/, '')}`);
    this.open();
    this.frame.heading.focus();
  }

  say(sentence: string): void {
    this.frame.say(sentence);
  }

  refused(error: unknown): string {
    if (!(error instanceof ApiError)) return String(error);
    if (error.problem.status === 401) this.askForToken(error.problem);
    return `${error.message} (${error.problem.code})`;
  }

  private take(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    this.receivedMs = performance.now();
    this.history.add(snapshot);
    this.redraw();
    this.showAge();
  }

  /** Shows the screen that the URL names. */
  private open(): void {
    this.screen?.close?.();
    const [name = '', ...rest] = location.pathname.slice(ROOT.length + 1).split('/');
    const known = SCREENS.find(([each]) => each === name)?.[0] ?? 'now';
    const place = { rest: decodeURIComponent(rest.join('/')), query: new URLSearchParams(location.search) };
    this.screen = MAKE[known](this, place);
    this.frame.showPlace(known, this.screen.title);
    this.frame.say('');
    this.frame.content.replaceChildren();
    this.redraw();
  }

  private askForToken(problem?: Problem, arriving?: Promise<string>): void {
    this.feed.stop();
    this.screen?.close?.();
    this.screen = undefined;
    this.api.token = '';
    document.querySelector('dialog')?.close();
    this.setSignedIn(false);
    this.frame.showPlace('now', 'Sign in');
    const message =
      problem && `The token is not accepted any more: ${problem.detail ?? problem.title} (${problem.code})`;
    const form = tokenForm({
      api: this.api,
      hint: HINT,
      message,
      check: () => this.api.ask('/api/v1/resilience/health'),
      onAccepted: () => this.begin(),
      signIn: this.signIn,
      arriving,
    });
    this.frame.content.replaceChildren(form);
    this.frame.dim(false);
    form.querySelector<HTMLElement>('button, input')?.focus();
  }

  private begin(): void {
    this.setSignedIn(true);
    this.feed.start();
    this.open();
    this.frame.heading.focus();
  }

  private setSignedIn(isSignedIn: boolean): void {
    this.frame.navigation.hidden = !isSignedIn;
    this.frame.tools.hidden = !isSignedIn;
    this.state = { kind: 'connecting' };
    if (!isSignedIn) {
      this.snapshot = undefined;
      this.receivedMs = undefined;
      this.history = new History();
    }
    this.showAge();
  }

  private showAge(): void {
    this.frame.showAge(this.state, this.receivedMs);
  }

  private tick(): void {
    if (document.hidden || !this.screen) return;
    this.showAge();
    // Ages go on while no data comes.
    if (this.receivedMs === undefined || performance.now() - this.receivedMs > 1_500) this.redraw();
  }

  /** All that is listened to, once: screens come and go. */
  private listen(): void {
    this.frame.forget.addEventListener('click', () => this.askForToken());
    globalThis.addEventListener('popstate', () => {
      if (this.screen) this.open();
    });
    document.addEventListener('visibilitychange', () => this.redraw());
    document.addEventListener('click', (event) => this.clicked(event));
    this.frame.content.addEventListener('submit', (event) => this.filtered(event));
  }

  private clicked(event: MouseEvent): void {
    if (!(event.target instanceof Element)) return;
    const link = event.target.closest('a');
    if (link && isPlain(event) && leadsHere(link)) {
      event.preventDefault();
      this.go(`${link.pathname.slice(ROOT.length + 1)}${link.search}`);
      return;
    }
    const pressed = event.target.closest('[data-action]');
    if (pressed instanceof HTMLButtonElement)
      this.act(pressed.dataset.action ?? '', pressed.dataset.subject ?? '');
  }

  private act(action: string, subject: string): void {
    if (action === 'no-filter') this.go(location.pathname.slice(ROOT.length + 1));
    else this.screen?.act?.(action, subject);
  }

  private filtered(event: SubmitEvent): void {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || form.dataset.action !== 'filter') return;
    event.preventDefault();
    this.go(`${location.pathname.slice(ROOT.length + 1)}?${new URLSearchParams(valuesOf(form))}`);
  }
}

/** One that opens no other tab and downloads nothing. */
function isPlain({ button, ctrlKey, metaKey, shiftKey, altKey }: MouseEvent): boolean {
  return button === 0 && !(ctrlKey || metaKey || shiftKey || altKey);
}

/** To another screen, and not to a place on this one. */
function leadsHere(link: HTMLAnchorElement): boolean {
  return link.pathname.startsWith(`${ROOT}/`) && !link.hasAttribute('download') && link.hash === '';
}
