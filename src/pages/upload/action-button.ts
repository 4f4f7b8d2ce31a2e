import { element } from '../shared/dom.js';

/** What people can do about a file. */
export type Action = 'pause' | 'resume' | 'hurry' | 'again' | 'cancel' | 'remove';

const NAMES: Readonly<Record<Action, string>> = {
  pause: 'Pause',
  resume: 'Resume',
  hurry: 'Try now',
  again: 'Try again',
  cancel: 'Cancel',
  remove: 'Remove',
};

/** A button for actions of which one at most can be done at a time. It keeps its place while none can. */
export class ActionButton {
  private readonly name = element('span');
  readonly node: HTMLButtonElement;
  private action: Action | undefined;

  constructor(
    private readonly actions: readonly Action[],
    of: string,
    onAction: (action: Action) => void,
  ) {
    const hidden = element('span', { class: 'covered' }, ` ${of}`);
    this.node = element('button', { type: 'button', disabled: true }, this.name, hidden);
    this.node.addEventListener('click', () => this.action && onAction(this.action));
  }

  /** Offers what can be done now. The focus goes to `row` where the action that had it is gone. */
  offer(possible: readonly Action[], row: HTMLElement): void {
    const action = this.actions.find((one) => possible.includes(one));
    if (action === this.action) return;
    const isOther = action === undefined || !isSwitch(action, this.action);
    if (isOther && document.activeElement === this.node) row.focus();
    this.action = action;
    this.name.textContent = action === undefined ? '' : NAMES[action];
    this.node.disabled = action === undefined;
  }
}

/** Pause and Resume undo each other: who pressed one may press the other. */
function isSwitch(action: Action, before: Action | undefined): boolean {
  return (action === 'resume' && before === 'pause') || (action === 'pause' && before === 'resume');
}
