import { type Api, ApiError } from './api.js';
import { element } from './dom.js';

interface TokenFormOptions {
  readonly api: Api;
  /** What the token must allow, in words. */
  readonly hint: string;
  /** Why it is asked for again. */
  readonly message?: string;
  /** Asks the service something with the token. @throws ApiError where it is not accepted */
  readonly check: () => Promise<unknown>;
  readonly onAccepted: () => void;
}

/** Asks for a token, says whether the service accepts it, and gives it to `api`, which keeps it in memory alone. */
export function tokenForm(options: TokenFormOptions): HTMLFormElement {
  const { api, hint, message = '' } = options;
  // No password, but nothing to show to those who look on either.
  const input = element('input', {
    id: 'token',
    type: 'password',
    required: true,
    autocomplete: 'off',
    spellcheck: 'false',
    'aria-describedby': 'token-hint token-answer',
  });
  const answer = element('p', { id: 'token-answer', class: 'answer', role: 'alert' }, message);
  const button = element('button', { type: 'submit', class: 'primary' }, 'Use this token');
  const form = element(
    'form',
    { class: 'token-form' },
    element('label', { for: 'token' }, 'Token'),
    element('p', { id: 'token-hint', class: 'hint' }, hint),
    input,
    answer,
    button,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    button.disabled = true;
    answer.textContent = 'The service is asked.';
    api.token = input.value.trim().replace(/^Bearer\s+/i, '');
    void options
      .check()
      .then(options.onAccepted)
      .catch((error: unknown) => {
        api.token = '';
        answer.textContent = refusal(error);
        button.disabled = false;
        input.focus();
      });
  });
  return form;
}

function refusal(error: unknown): string {
  if (!(error instanceof ApiError)) return String(error);
  const { status, code } = error.problem;
  if (status === 401) return `The token is not accepted: ${error.message} (${code})`;
  if (status === 403) return `The token is good, but does not allow this: ${error.message} (${code})`;
  return `${error.message} (${code})`;
}
