import { element } from '../shared/dom.js';
import type { Action } from './action-button.js';
import { Announcer } from './announcer.js';
import { Follower } from './follower.js';
import { KindCounts } from './kind-counts.js';
import { UploadQueue } from './queue.js';
import { RawTransfer } from './raw-transfer.js';
import type { Session } from './session.js';
import type { Transfer, UploadFields } from './transfer.js';
import { TusTransfer } from './tus-transfer.js';
import { UploadJob } from './upload-job.js';
import { UploadRow } from './upload-row.js';
import { type UploadState, wordsOf } from './words.js';

/** Larger files are sent so that they can go on where they stopped. */
const RESUMABLE_FROM_BYTES = 8 * 1024 * 1024;

/** What is told to those who do not see the page; the rest are events on the way. */
const MILESTONES = new Set<UploadState['kind']>([
  'paused',
  'token',
  'retrying',
  'accepted',
  'stored',
  'refused',
  'cancelled',
]);

const ENDED = new Set<UploadState['kind']>(['stored', 'refused', 'cancelled']);

/** The files that were chosen, and what becomes of them. */
export class UploadList {
  readonly node: HTMLElement;
  private readonly rows = new Map<UploadJob, UploadRow>();
  private readonly kinds = new Map<UploadJob, UploadState['kind']>();
  private readonly counts = new KindCounts();
  private isSummaryDue = false;
  private readonly removeStored = element(
    'button',
    { type: 'button', hidden: true },
    'Remove all that are stored',
  );
  private readonly list = element('ul', { class: 'uploads' });
  private readonly summary = element('p', { class: 'muted', id: 'summary' });
  private readonly queue = new UploadQueue();
  private readonly announcer: Announcer;
  private readonly follower = new Follower(() => this.jobsIn('accepted'));

  constructor(private readonly session: Session) {
    const status = element('p', { role: 'status', class: 'status' });
    this.announcer = new Announcer(status);
    const heading = element('h2', { id: 'list-title' }, 'Files');
    this.node = element(
      'section',
      { 'aria-labelledby': 'list-title', hidden: true },
      heading,
      this.summary,
      this.removeStored,
      this.list,
    );
    this.status = status;
    this.removeStored.addEventListener('click', () => this.removeAllStored());
    session.onChange(() => this.goOn());
    window.addEventListener('online', () => this.hurry());
  }

  /** The line for those who do not see the page; it has to be there before it says something. */
  readonly status: HTMLElement;

  /** Is there something that leaving the page would end? */
  get isBusy(): boolean {
    return [...this.rows.keys()].some(({ state }) => !ENDED.has(state.kind) && state.kind !== 'accepted');
  }

  add(files: readonly File[], fields: UploadFields): void {
    for (const file of files) {
      const job = new UploadJob(
        file,
        this.session,
        () => transferFor(file, fields),
        (changed) => this.changed(changed),
      );
      const row = new UploadRow(job, (action, of) => this.act(action, of));
      this.rows.set(job, row);
      this.kinds.set(job, job.state.kind);
      this.counts.move(undefined, job.state.kind);
      this.list.append(row.node);
      this.queue.add(job);
    }
    this.summarize();
  }

  private changed(job: UploadJob): void {
    const { state, file } = job;
    const before = this.kinds.get(job);
    if (before === undefined) return;
    const isNew = before !== state.kind;
    if (isNew) this.counts.move(before, state.kind);
    this.kinds.set(job, state.kind);
    this.rows.get(job)?.update(isNew);
    if (!isNew) return;
    if (MILESTONES.has(state.kind))
      this.announcer.tell(sentence(`${file.name}: ${wordsOf(state, file.size)}`));
    if (state.kind === 'accepted') this.follower.start();
    this.summarize();
  }

  private act(action: Action, job: UploadJob): void {
    if (action === 'pause') job.pause();
    else if (action === 'hurry') job.hurry();
    else if (action === 'remove') this.remove(job);
    else if (action === 'cancel') {
      this.queue.drop(job);
      void job.cancel();
    } else {
      job.again();
      this.queue.add(job);
    }
  }

  /** The focus goes to what comes next, not to the top of the page. */
  private remove(job: UploadJob): void {
    const node = this.rows.get(job)?.node;
    const next = node?.nextElementSibling ?? node?.previousElementSibling;
    this.forget(job);
    (next instanceof HTMLElement ? next : document.querySelector<HTMLElement>('#files'))?.focus();
    this.summarize();
  }

  private removeAllStored(): void {
    for (const job of this.jobsIn('stored')) this.forget(job);
    document.querySelector<HTMLElement>('#files')?.focus();
    this.summarize();
  }

  private forget(job: UploadJob): void {
    this.rows.get(job)?.node.remove();
    this.rows.delete(job);
    this.counts.move(this.kinds.get(job), undefined);
    this.kinds.delete(job);
  }

  /** There is a token: what waited for it goes on. */
  private goOn(): void {
    if (this.session.token === '') return;
    for (const job of this.jobsIn('token')) {
      job.again();
      this.queue.add(job);
    }
    for (const job of this.jobsIn('cancelling')) job.hurry();
    this.follower.start();
  }

  private hurry(): void {
    for (const kind of ['retrying', 'cancelling'] as const) for (const job of this.jobsIn(kind)) job.hurry();
    this.follower.start();
  }

  private jobsIn(kind: UploadState['kind']): readonly UploadJob[] {
    return [...this.rows.keys()].filter(({ state }) => state.kind === kind);
  }

  /** Once a frame at most, however many files change in it. */
  private summarize(): void {
    if (this.isSummaryDue) return;
    this.isSummaryDue = true;
    requestAnimationFrame(() => {
      this.isSummaryDue = false;
      this.drawSummary();
    });
  }

  private drawSummary(): void {
    const all = this.rows.size;
    this.node.hidden = all === 0;
    this.removeStored.hidden = this.counts.of('stored') === 0;
    const parts = [
      `${this.counts.of('stored')} of ${all} stored`,
      counted(this.counts.of('accepted'), 'will be stored later'),
      counted(this.counts.of('refused'), 'refused'),
      counted(this.counts.of('token'), 'waiting for a token'),
    ];
    this.summary.textContent = parts.filter((part) => part !== '').join(', ');
  }
}

/** The fields of a file can be said by tus only. */
function transferFor(file: File, fields: UploadFields): Transfer {
  const isSmall = file.size <= RESUMABLE_FROM_BYTES && Object.keys(fields).length === 0;
  return isSmall ? new RawTransfer(file) : new TusTransfer({ file, fields });
}

function counted(count: number, what: string): string {
  return count === 0 ? '' : `${count} ${what}`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
