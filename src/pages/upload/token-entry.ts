import { element } from '../shared/dom.js';
import type { Session } from './session.js';
import { claimsOf, cleanToken, isSendable } from './token-claims.js';

const UNSENDABLE = 'This is no token: it has spaces or signs that no token has. Copy it again.';

/** Where a token is pasted. It says whose token it is, and asks for another one when that is over. */
export function tokenEntry(session: Session): HTMLElement {
  const input = element('input', {
    id: 'token',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
    'aria-describedby': 'token-help',
  });
  const form = element(
    'form',
    { class: 'token' },
    element('label', { for: 'token' }, 'Access token'),
    element('div', { class: 'line' }, input, element('button', { class: 'primary' }, 'Use token')),
  );
  const help = element('p', { id: 'token-help', class: 'muted' });
  const answer = element('p', { role: 'alert' });
  form.append(help, answer);
  const whose = element('span');
  const change = element('button', { type: 'button' }, 'Change token');
  const known = element('p', { class: 'known', hidden: true }, whose, ' ', change);
  let hadToken = false;

  const show = (isKnown: boolean): void => {
    form.hidden = isKnown;
    known.hidden = !isKnown;
    whose.textContent = wordsOfToken(session.token);
    help.textContent = hadToken
      ? 'The service takes the last token no longer. Paste a new one, and the uploads go on.'
      : 'It stays in the memory of this page, and is gone when the page is closed.';
    form.classList.toggle('urgent', hadToken && !isKnown);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const token = cleanToken(input.value);
    input.value = '';
    answer.textContent = isSendable(token) ? '' : UNSENDABLE;
    if (!isSendable(token)) return;
    hadToken = true;
    session.token = token;
    change.focus();
  });
  change.addEventListener('click', () => {
    hadToken = false;
    show(false);
    input.focus();
  });
  session.onChange(() => show(session.token !== ''));
  show(false);
  return element('section', { class: 'panel', 'aria-label': 'Access token' }, form, known);
}

function wordsOfToken(token: string): string {
  const { subject, expiresAtMs } = claimsOf(token);
  const whose = subject === undefined ? 'A token is set' : `Token of ${subject}`;
  if (expiresAtMs === undefined) return whose;
  const time = new Date(expiresAtMs).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return `${whose}, good until ${time}`;
}
