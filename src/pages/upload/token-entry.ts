import { element } from '../shared/dom.js';
import { signInButton } from '../shared/sign-in-button.js';
import type { SignIn } from '../shared/sign-in.js';
import type { Session } from './session.js';
import { claimsOf, cleanToken, isSendable } from './token-claims.js';

const UNSENDABLE = 'This is no token: it has spaces or signs that no token has. Copy it again.';

const KEPT = 'It stays in the memory of this page, and is gone when the page is closed.';
const ENDED = 'The service takes the last token no longer. Paste a new one, and the uploads go on.';
const LEAVING = ' To sign in leaves this page, and ends those that are not complete.';

/**
 * Where people sign in or paste a token; `arriving` is that of a sign-in that comes back. It says whose token it is, and
 * asks for another one when that is over.
 */
export function tokenEntry(session: Session, signIn?: SignIn, arriving?: Promise<string>): HTMLElement {
  const input = element('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': 'token-help',
  });
  const help = element('p', { id: 'token-help', class: 'muted' });
  const answer = element('p', { role: 'alert' });
  const say = (sentence: string): void => void (answer.textContent = sentence);
  const form = tokenForm(input, signIn && signInButton(signIn, say));
  form.append(help, answer);
  const whose = element('span');
  const change = element('button', { type: 'button' }, 'Change token');
  const known = element('p', { class: 'known', hidden: true }, whose, ' ', change);
  let hadToken = false;

  const show = (isKnown: boolean): void => {
    form.hidden = isKnown;
    known.hidden = !isKnown;
    whose.textContent = wordsOfToken(session.token);
    help.textContent = hadToken ? `${ENDED}${signIn ? LEAVING : ''}` : KEPT;
    form.classList.toggle('urgent', hadToken && !isKnown);
  };
  const use = (token: string): void => {
    say(isSendable(token) ? '' : UNSENDABLE);
    if (!isSendable(token)) return;
    hadToken = true;
    session.token = token;
    change.focus();
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const token = cleanToken(input.value);
    input.value = '';
    use(token);
  });
  change.addEventListener('click', () => {
    hadToken = false;
    show(false);
    input.focus();
  });
  session.onChange(() => show(session.token !== ''));
  show(false);
  arriving?.then(use, (error: Error) => say(error.message));
  return element('section', { class: 'panel', 'aria-label': 'Access token' }, form, known);
}

function tokenForm(input: HTMLInputElement, signIn: HTMLButtonElement | undefined): HTMLFormElement {
  const button = element('button', { class: signIn ? undefined : 'primary' }, 'Use token');
  return element(
    'form',
    { class: 'token' },
    signIn && element('p', { class: 'sign-in' }, signIn),
    element('label', { for: 'token' }, signIn ? 'Or paste an access token' : 'Access token'),
    element('div', { class: 'line' }, input, button),
  );
}

function wordsOfToken(token: string): string {
  const { subject, expiresAtMs } = claimsOf(token);
  const whose = subject === undefined ? 'A token is set' : `Token of ${subject}`;
  if (expiresAtMs === undefined) return whose;
  const time = new Date(expiresAtMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return `${whose}, good until ${time}`;
}
