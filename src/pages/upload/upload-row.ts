import { element } from '../shared/dom.js';
import { type Action, ActionButton } from './action-button.js';
import { adviceFor } from './advice.js';
import type { UploadJob } from './upload-job.js';
import { sizeText, type UploadState, wordsOf } from './words.js';

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

/** Each action has its place, so that none turns into another one that does more harm under the pointer. */
const PLACES: readonly (readonly Action[])[] = [
  ['hurry', 'again'],
  ['pause', 'resume'],
  ['cancel', 'remove'],
];

/** How often the words change while bytes go out. */
const REDRAW_MS = 250;

/** One file in the list. */
export class UploadRow {
  readonly node: HTMLLIElement;
  private readonly words = element('p', { class: 'words' });
  private readonly bar: HTMLProgressElement;
  private readonly details = element('div', { class: 'muted details' });
  private readonly buttons: readonly ActionButton[];
  private drawnAtMs = 0;

  constructor(
    private readonly job: UploadJob,
    onAction: (action: Action, job: UploadJob) => void,
  ) {
    const { name, size } = job.file;
    this.bar = element('progress', { max: Math.max(size, 1), value: 0, 'aria-label': `Sent of ${name}` });
    this.buttons = PLACES.map(
      (actions) => new ActionButton(actions, name, (action) => onAction(action, job)),
    );
    this.node = element(
      'li',
      { class: 'upload', tabindex: -1 },
      element(
        'div',
        { class: 'head' },
        element('span', { class: 'name' }, name),
        element('span', { class: 'muted' }, sizeText(size)),
      ),
      this.bar,
      element(
        'div',
        { class: 'foot' },
        this.words,
        element('div', { class: 'buttons' }, ...this.buttons.map(({ node }) => node)),
      ),
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
    const actions = actionsFor(state, job.canPause);
    for (const button of this.buttons) button.offer(actions, this.node);
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
