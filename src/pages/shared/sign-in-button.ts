import { element } from './dom.js';
import type { SignIn } from './sign-in.js';

/** Leaves this page for that of the issuer; `say` is told what happens meanwhile, and why it did not come to that. */
export function signInButton(signIn: SignIn, say: (sentence: string) => void): HTMLButtonElement {
  const button = element('button', { type: 'button', class: 'primary' }, `Sign in at ${signIn.host}`);
  const ask = async (): Promise<void> => {
    button.disabled = true;
    say(`${signIn.host} is asked.`);
    try {
      await signIn.leave();
      say('');
    } catch (error) {
      say(error instanceof Error ? error.message : String(error));
    }
    // One may have come back, or stayed.
    button.disabled = false;
  };
  button.addEventListener('click', () => void ask());
  return button;
}
