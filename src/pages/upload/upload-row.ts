import { element } from '../shared/dom.js';
import { adviceFor } from './advice.js';
import type { UploadJob } from './upload-job.js';
import { sizeText, type UploadState, wordsOf } from './words.js';

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

const ACTIONS: Readonly<Record<Exclude<UploadState['kind'], 'refused'>, readonly Action[]>> = {
  waiting: ['cancel'],
  sending: ['pause', 'cancel'],
  finishing: ['cancel'],
  paused: ['resume', 'cancel'],
  token: ['cancel'],
  retrying: ['hurry', 'pause', 'cancel'],
  accepted: ['cancel'],
  stored: ['remove'],
  cancelling: [],
  cancelled: ['remove'],
};

/** How often the words change while bytes go out. */
const REDRAW_MS = 250;

/** One file in the list. */
export class UploadRow {
  readonly node: HTMLLIElement;
  private readonly words = element('p', { class: 'words' });
  private readonly bar: HTMLProgressElement;
  private readonly details = element('div', { class: 'muted details' });
  private readonly buttons = element('div', { class: 'buttons' });
  private actions: readonly Action[] = [];
  private drawnAtMs = 0;

  constructor(
    private readonly job: UploadJob,
    private readonly onAction: (action: Action, job: UploadJob) => void,
  ) {
    const { name, size } = job.file;
    this.bar = element('progress', { max: Math.max(size, 1), value: 0, 'aria-label': `Sent of ${name}` });
    this.node = element(
      'li',
      { class: 'upload' },
      element(
        'div',
        { class: 'head' },
        element('span', { class: 'name' }, name),
        element('span', { class: 'muted' }, sizeText(size)),
      ),
      this.bar,
      element('div', { class: 'foot' }, this.words, this.buttons),
      this.details,
    );
    this.draw();
  }

  /** Shows what has become of the file. */
  update(isMilestone: boolean): void {
    const now = performance.now();
    if (!isMilestone && now - this.drawnAtMs < REDRAW_MS) return;
    this.drawnAtMs = now;
    this.draw();
  }

  private draw(): void {
    const { job } = this;
    const { state, file } = job;
    this.node.dataset.state = state.kind;
    this.words.textContent = wordsOf(state, file.size);
    this.bar.value = job.sentBytes;
    this.bar.hidden = !['sending', 'finishing', 'paused', 'retrying', 'token'].includes(state.kind);
    this.details.replaceChildren(...detailsOf(job).map((line) => element('p', {}, line)));
    this.drawButtons(actionsFor(state, job.canPause));
  }

  /** They are made anew only where others are needed, and one keeps the focus. */
  private drawButtons(actions: readonly Action[]): void {
    if (actions.join() === this.actions.join()) return;
    const hadFocus = this.buttons.contains(document.activeElement);
    this.actions = actions;
    this.buttons.replaceChildren(...actions.map((action) => this.button(action)));
    if (hadFocus) this.buttons.querySelector('button')?.focus();
  }

  private button(action: Action): HTMLButtonElement {
    const { job } = this;
    const hidden = element('span', { class: 'covered' }, ` ${job.file.name}`);
    const button = element('button', { type: 'button' }, NAMES[action], hidden);
    button.addEventListener('click', () => this.onAction(action, job));
    return button;
  }
}

function actionsFor(state: UploadState, canPause: boolean): readonly Action[] {
  if (state.kind === 'refused')
    return adviceFor(state.problem).again === 'never' ? ['remove'] : ['again', 'remove'];
  return ACTIONS[state.kind].filter((action) => canPause || action !== 'pause');
}

/** By which operators find the upload, and everybody the file. */
function detailsOf({ receipt, state }: UploadJob): readonly string[] {
  const problem: object = state.kind === 'refused' ? state.problem : {};
  return [
    receipt && `upload ${receipt.upload_id}`,
    state.kind === 'stored' && receipt?.checksum ? `SHA-256 ${receipt.checksum}` : undefined,
    'trace_id' in problem ? `trace ${String(problem.trace_id)}` : undefined,
  ].filter((text) => text !== undefined);
}
