import { element } from '../shared/dom.js';
import type { Desk } from './desk.js';

/** What is asked for in a dialog. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  /** Text and value of each choice; a text is asked for without them. */
  readonly choices?: readonly (readonly [text: string, value: string])[];
}

export interface Question {
  readonly title: string;
  readonly content: readonly (Node | string)[];
  readonly fields: readonly Field[];
  /** What the button says that does it. */
  readonly confirm: string;
  readonly isDangerous?: boolean;
  /** Does it. What it throws is shown, and the dialog stays. */
  readonly run: (values: Readonly<Record<string, string>>) => Promise<void>;
}

/** Why something is done, for those who read the audit later. */
export const REASON: Field = {
  name: 'reason',
  label: 'Reason',
  hint: 'Others read it in the audit.',
  required: true,
  maxLength: 500,
};

/** Asks once more before something is done, in a dialog that stays until it is known what came of it. */
export function ask(desk: Desk, question: Question): void {
  const answer = element('p', { class: 'answer', role: 'alert' });
  const cancel = element('button', { type: 'button' }, 'Cancel');
  const confirm = element(
    'button',
    { type: 'submit', class: question.isDangerous ? 'danger' : 'primary' },
    question.confirm,
  );
  const form = element(
    'form',
    { method: 'dialog' },
    element('h2', { id: 'question' }, question.title),
    ...question.content,
    ...question.fields.map(fieldOf),
    answer,
    element('div', { class: 'buttons' }, cancel, confirm),
  );
  const dialog = element('dialog', { 'aria-labelledby': 'question' }, form);
  const setRunning = (isRunning: boolean): void => {
    cancel.disabled = isRunning;
    confirm.disabled = isRunning;
  };
  cancel.addEventListener('click', () => dialog.close());
  const closing = new AbortController();
  // A disabled button loses the focus, so that the key does not come by the dialog. Its event `cancel` alone is not
  // enough: a browser closes a dialog at the second Escape, whatever is said to the first.
  const stay = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && confirm.disabled) event.preventDefault();
  };
  document.addEventListener('keydown', stay, { signal: closing.signal });
  dialog.addEventListener('close', () => {
    closing.abort();
    dialog.remove();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    setRunning(true);
    answer.textContent = '';
    void question
      .run(valuesOf(form))
      .then(() => dialog.close())
      .catch((error: unknown) => {
        const refusal = desk.refused(error);
        // It is not open any more where the token is asked for again.
        if (!dialog.open) desk.say(`The order failed: ${refusal}`);
        answer.textContent = refusal;
        setRunning(false);
      });
  });
  document.body.append(dialog);
  dialog.showModal();
}

export function valuesOf(form: HTMLFormElement): Record<string, string> {
  const values: Record<string, string> = {};
  for (const [name, value] of new FormData(form))
    if (typeof value === 'string' && value.trim() !== '') values[name] = value.trim();
  return values;
}

function fieldOf(field: Field): HTMLElement {
  const { name, label, hint, required = false, maxLength, choices } = field;
  const id = `field-${name}`;
  const about = hint === undefined ? undefined : `${id}-hint`;
  const common = { id, name, required, 'aria-describedby': about };
  const input = choices
    ? element('select', common, ...choices.map(([text, value]) => element('option', { value }, text)))
    : element('textarea', { ...common, rows: 2, maxlength: maxLength });
  return element(
    'div',
    { class: 'field' },
    element('label', { for: id }, label),
    input,
    hint === undefined ? undefined : element('p', { class: 'hint', id: about }, hint),
  );
}
