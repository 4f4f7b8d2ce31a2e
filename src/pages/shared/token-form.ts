import { type Api, ApiError } from './api.js';
import { element } from './dom.js';
import { signInButton } from './sign-in-button.js';
import type { SignIn } from './sign-in.js';

interface TokenFormOptions {
  readonly api: Api;
  /** What the token must allow, in words. */
  readonly hint: string;
  /** Why it is asked for again. */
  readonly message?: string;
  /** Asks the service something with the token. @throws ApiError where it is not accepted */
  readonly check: () => Promise<unknown>;
  readonly onAccepted: () => void;
  /** The other way to a token, where there is one. */
  readonly signIn?: SignIn;
  /** The token of a sign-in that comes back just now. */
  readonly arriving?: Promise<string>;
}

/** Asks for a token, says whether the service accepts it, and gives it to `api`, which keeps it in memory alone. */
export function tokenForm(options: TokenFormOptions): HTMLFormElement {
  const { api, hint, signIn, message = '' } = options;
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
  const button = element(
    'button',
    { type: 'submit', class: signIn ? undefined : 'primary' },
    'Use this token',
  );
  const say = (sentence: string): void => void (answer.textContent = sentence);
  const form = element(
    'form',
    { class: 'token-form' },
    signIn && signInButton(signIn, say),
    element('label', { for: 'token' }, signIn ? 'Or paste a token' : 'Token'),
    element('p', { id: 'token-hint', class: 'hint' }, hint),
    input,
    answer,
    button,
  );
  const use = async (coming: string | Promise<string>): Promise<boolean> => {
    button.disabled = true;
    say('The service is asked.');
    try {
      api.token = await coming;
      await options.check();
      options.onAccepted();
      return true;
    } catch (error) {
      api.token = '';
      say(refusal(error));
      button.disabled = false;
      return false;
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void use(pasted(input)).then((isAccepted) => isAccepted || input.focus());
  });
  if (options.arriving) void use(options.arriving);
  return form;
}

function pasted({ value }: HTMLInputElement): string {
  return value.trim().replace(/^Bearer\s+/i, '');
}

function refusal(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const { status, code } = error.problem;
  if (status === 401) return `The token is not accepted: ${error.message} (${code})`;
  if (status === 403) return `The token is good, but does not allow this: ${error.message} (${code})`;
  return `${error.message} (${code})`;
}
