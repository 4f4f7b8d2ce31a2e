import { ApiError, type Problem } from '../shared/api.js';
import { adviceFor, isTransient } from './advice.js';
import { waitAfter } from './backoff.js';
import { Pause } from './pause.js';
import { Rate } from './rate.js';
import { readReceipt, removeFile } from './receipts.js';
import type { Session } from './session.js';
import type { Receipt, Remains, Transfer } from './transfer.js';
import type { UploadState } from './words.js';

/** Most refusals in a row; a connection that breaks is tried for as long as it takes. */
const MAX_REFUSALS = 8;

/** How long the service is asked to take a file back: a storage element may take its time. */
const MAX_CANCEL_MS = 120_000;

const TOKEN_WANTED: Problem = { status: 401, code: 'TOKEN_WANTED', title: 'It waits for a token.' };

const UNREADABLE: Problem = {
  status: 400,
  code: 'FILE_UNREADABLE',
  title: 'The file cannot be read: it is a folder, or it was changed or moved after it was chosen.',
};

/** What became of a file that was accepted, in the words of a problem. */
const ENDS: Partial<Record<Receipt['status'], Problem>> = {
  dead: { status: 0, code: 'NOT_DELIVERED', title: 'The file was accepted, and could not be stored.' },
  expired: {
    status: 0,
    code: 'UPLOAD_EXPIRED',
    title: 'The time of the file was over before it was stored.',
  },
};

const ENDED = new Set<Receipt['status']>(['active', 'dead', 'cancelled', 'expired']);

/** One file on its way, from its choice to its end. */
export class UploadJob {
  state: UploadState = { kind: 'waiting' };
  receipt: Receipt | undefined;
  private transfer: Transfer;
  private run = new AbortController();
  private readonly pauseBetween = new Pause();
  private readonly cancelPause = new Pause();
  private rate = new Rate();
  private sent = 0;
  private acceptedAtMs = 0;

  constructor(
    readonly file: File,
    private readonly session: Session,
    private readonly newTransfer: () => Transfer,
    private readonly onChange: (job: UploadJob) => void,
  ) {
    this.transfer = newTransfer();
  }

  /** Pause is offered only where the upload goes on where it stopped. */
  get canPause(): boolean {
    return this.transfer.isResumable;
  }

  /** How much of the file is sent. */
  get sentBytes(): number {
    return this.sent;
  }

  /** Sends the file, and tries again while that makes sense; is done when the file needs no line any more. */
  async send(): Promise<void> {
    const { signal } = (this.run = new AbortController());
    let failures = 0;
    let furthest = this.sent;
    while (!signal.aborted) {
      const problem = await this.attempt(signal);
      if (problem === undefined || signal.aborted) return;
      failures = this.transfer.isResumable && this.sent > furthest ? 1 : failures + 1;
      furthest = Math.max(furthest, this.sent);
      if (!isTransient(problem) || (problem.status !== 0 && failures > MAX_REFUSALS))
        return this.become({ kind: 'refused', problem });
      const waitMs = waitAfter(failures, problem.retryAfter);
      this.become({ kind: 'retrying', problem, waitMs });
      await this.pauseBetween.wait(waitMs, signal);
    }
  }

  /** Tries at once, where it waits for the next try. */
  hurry(): void {
    this.pauseBetween.wake();
    this.cancelPause.wake();
  }

  pause(): void {
    this.run.abort();
    this.become({ kind: 'paused', sent: this.sent });
  }

  /** Waits for its turn again; a file that cannot be sent again under its id gets another one. */
  again(): void {
    const { state } = this;
    if (state.kind === 'refused' && adviceFor(state.problem).again === 'new') {
      this.transfer = this.newTransfer();
      this.sent = 0;
      // What is said of the last upload holds for no other one.
      this.receipt = undefined;
      this.acceptedAtMs = 0;
    }
    this.become({ kind: 'waiting' });
  }

  /** Takes it back, here and at the service. */
  async cancel(): Promise<void> {
    this.run.abort();
    this.become({ kind: 'cancelling' });
    const { signal } = new AbortController();
    let untilMs = Date.now() + MAX_CANCEL_MS;
    for (let tries = 1; ; tries += 1) {
      const problem = await this.takeBack(signal);
      if (this.state.kind !== 'cancelling') return;
      if (problem?.status === 401) {
        await this.anotherToken(signal);
        untilMs = Date.now() + MAX_CANCEL_MS;
        continue;
      }
      const isOver = Date.now() >= untilMs || (problem !== undefined && !isTransient(problem));
      if (isOver) return this.cancelFailed(problem);
      if (problem) this.become({ kind: 'cancelling', problem });
      await this.cancelPause.wait(waitAfter(tries, problem?.retryAfter), signal);
    }
  }

  /** Asks what became of the file that was accepted. Gives the problem where there is no answer. */
  async follow(): Promise<Problem | undefined> {
    const { token } = this.session;
    if (!this.receipt || this.state.kind !== 'accepted' || token === '') return undefined;
    try {
      this.settle(await readReceipt(this.receipt.upload_id, token, new AbortController().signal));
      return undefined;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 401) this.session.expire(token);
      else if (!isTransient(problem)) this.become({ kind: 'refused', problem });
      return problem;
    }
  }

  /** Waits for as long as there is no token; whoever enters one hurries the job. */
  private async anotherToken(signal: AbortSignal): Promise<void> {
    this.become({ kind: 'cancelling', problem: TOKEN_WANTED });
    while (this.session.token === '') await this.cancelPause.wait(MAX_CANCEL_MS, signal);
    this.become({ kind: 'cancelling' });
  }

  /** Asks once. Until the service says what became of the file, it is being cancelled. */
  private async takeBack(signal: AbortSignal): Promise<Problem | undefined> {
    const { token } = this.session;
    if (token === '') return TOKEN_WANTED;
    try {
      const remains = this.receipt
        ? await removeFile(this.receipt.upload_id, token, signal)
        : await this.transfer.remove(token, signal);
      this.settleRemains(remains);
      return undefined;
    } catch (error) {
      const problem = problemOf(error);
      if (problem.status === 401) this.session.expire(token);
      return problem;
    }
  }

  /** Gives the problem of a try that failed; undefined where there is nothing to be tried again. */
  private async attempt(signal: AbortSignal): Promise<Problem | undefined> {
    const { token } = this.session;
    if (token === '') return this.askToken(token);
    this.rate = new Rate();
    try {
      this.settle(
        await this.transfer.send({
          token,
          signal,
          onSent: (bytes) => !signal.aborted && this.sending(bytes),
        }),
      );
      return undefined;
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!this.transfer.isResumable) this.sent = 0;
      const problem = problemOf(error);
      if (problem.status === 401) return this.askToken(token);
      return problem.status === 0 && !(await isReadable(this.file)) ? UNREADABLE : problem;
    }
  }

  private askToken(token: string): undefined {
    this.become({ kind: 'token' });
    this.session.expire(token);
  }

  private sending(bytes: number): void {
    const now = performance.now();
    this.sent = bytes;
    this.rate.add(bytes, now);
    if (bytes >= this.file.size) this.become({ kind: 'finishing' });
    else this.become({ kind: 'sending', sent: bytes, bytesPerSecond: this.rate.at(now) });
  }

  /** Takes a receipt for what it says: accepted is not stored. */
  private settle(receipt: Receipt): void {
    this.receipt = receipt;
    const problem = ENDS[receipt.status];
    const wasAccepted = this.acceptedAtMs > 0;
    if (problem) this.become({ kind: 'refused', problem });
    else if (receipt.status === 'cancelled') this.become({ kind: 'cancelled' });
    else if (receipt.status === 'active')
      this.become({ kind: 'stored', afterMs: wasAccepted ? Date.now() - this.acceptedAtMs : undefined });
    else if (!wasAccepted) {
      this.acceptedAtMs = Date.now();
      this.become({ kind: 'accepted' });
    }
  }

  /** A receipt of a file that is under way ends nothing: the service may still take it back, or store it. */
  private settleRemains(remains: Remains): void {
    if (remains === 'nothing') this.become({ kind: 'cancelled' });
    else if (remains !== 'unknown' && ENDED.has(remains.status)) this.settle(remains);
    else if (remains !== 'unknown') this.receipt = remains;
  }

  /** The service did not take it back in time, or nobody answers. */
  private cancelFailed(problem: Problem | undefined): void {
    if (this.receipt) this.become({ kind: 'accepted', problem });
    else if (problem) this.become({ kind: 'refused', problem });
    else this.become({ kind: 'cancelled', isUncertain: true });
  }

  private become(state: UploadState): void {
    this.state = state;
    this.onChange(this);
  }
}

function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  return { status: 500, code: 'PAGE_ERROR', title: `This page failed: ${String(error)}` };
}

/** A browser says of a file that was changed only that the connection failed. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
