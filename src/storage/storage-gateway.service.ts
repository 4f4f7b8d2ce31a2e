import { Injectable, Logger } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { Metrics } from '../observability/metrics.service.js';
import { type Span, Tracing } from '../observability/tracing.js';
import { abortable } from '../outbound/abortable.js';
import { classifyFailure, STORAGE_CODES } from '../outbound/classify-failure.js';
import { statusCodeOf } from '../outbound/final-answer.js';
import type { OutboundCall } from '../outbound/outbound-call.js';
import { Outbound } from '../outbound/outbound.decorator.js';
import { timeoutPhaseOf } from '../outbound/timeout-phase.js';
import { OutgoingBody } from './outgoing-body.js';
import type { ReplayableBody } from './replayable-body.js';
import type {
  ContentDigest,
  FileDescription,
  RetentionPolicy,
  StorageElement,
  StoredFile,
  UploadCheckpoint,
} from './storage-element.js';
import { StorageElements } from './storage-elements.service.js';
import { STORAGE_POLICY, STORAGE_QUERY_POLICY } from './storage-policy.js';
import { isSameFile, storeVerified } from './verified-storing.js';

/** Who keeps account of the attempts of a call, so that none is forgotten when the process is killed. */
export interface AttemptWatcher {
  /** Before anything goes to `target`. When it fails, nothing is sent, and its error ends the call. */
  begins(target: string): Promise<void>;
  /** The attempt failed, and the target does not say that it kept the file; `isAbsent`: it says that it has nothing. */
  failed(target: string, error: unknown, isAbsent: boolean): void;
}

export interface PutCall extends OutboundCall {
  readonly file: FileDescription;
  readonly body: ReplayableBody;
  /** Did the caller choose the id? Then what is found under it may be another one's, and stays. */
  readonly idIsCallers?: boolean;
  /** Is what is found there still ours to remove? Unset: it is. */
  readonly mayRemove?: () => boolean;
  watcher?: AttemptWatcher;
  /** Keeps how far an upload to a target is. */
  checkpointAt?: (target: string) => UploadCheckpoint;
  /** How often the file was sent, the attempt under way included. */
  attempts?: number;
}

export interface FileCall extends OutboundCall {
  readonly fileId: string;
}

/** A stored file, and where it is. */
export interface PlacedFile {
  readonly target: string;
  readonly file: StoredFile;
}

/** What an element has after an attempt to store a file there failed. */
type AfterFailure =
  | { readonly kind: 'stored'; readonly file: StoredFile }
  /** Other bytes are there, which may be what another client was told is stored. */
  | { readonly kind: 'taken' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown' };

/** What a search for a file has come to. */
export interface FileSearch {
  readonly found?: PlacedFile;
  /** Targets that could not be asked: the file may be there all the same. */
  readonly unverified: readonly string[];
}

const RETRY_AFTER_MS = 30_000;

/** The one way to storage elements: every call goes through the outbound interceptors. */
@Injectable()
export class StorageGateway {
  private readonly logger = new Logger(StorageGateway.name);

  constructor(
    private readonly elements: StorageElements,
    private readonly metrics: Metrics,
    private readonly tracing: Tracing,
  ) {}

  /**
   * Describes the call that stores a file.
   * @throws NO_STORAGE_AVAILABLE when no element is meant for such files; EMPTY_FILE when none of those stores a file of
   * no bytes, and this is one
   */
  putCall(
    policy: RetentionPolicy,
    file: FileDescription,
    body: ReplayableBody,
    signal: AbortSignal,
  ): PutCall {
    const bytes = body.length ?? body.expectedLength;
    const meant = this.elements.targetsFor(policy, bytes);
    const targets = body.length === 0 ? meant.filter((target) => this.acceptsEmptyFiles(target)) : meant;
    if (targets.length > 0) {
      return {
        targets,
        file,
        body,
        signal,
        bytes,
        caller: file.uploadedBy,
        canRepeat: () => body.replayable,
      };
    }
    if (meant.length > 0)
      throw new ServiceError('EMPTY_FILE', `No storage takes a ${policy} file of no bytes.`);
    throw new ServiceError('NO_STORAGE_AVAILABLE', `No storage takes this ${policy} file.`, {
      retryAfterMs: RETRY_AFTER_MS,
    });
  }

  /** Stores a file at the element of this attempt. */
  @Outbound(STORAGE_POLICY)
  put(call: PutCall): Promise<PlacedFile> {
    const { file, target = '', attempts = 0 } = call;
    call.attempts = attempts + 1;
    const attributes = {
      'ingester.upload.id': file.fileId,
      'ingester.target': target,
      'ingester.attempt': call.attempts,
    };
    return this.tracing.around('storage attempt', { kind: 'client', attributes }, (span) =>
      this.attempt(call, span),
    );
  }

  private async attempt(call: PutCall, span: Span): Promise<PlacedFile> {
    const { file, body, signal, watcher, target = '', checkpointAt } = call;
    const element = this.elements.at(target);
    await watcher?.begins(target);
    const sent = new OutgoingBody(body, signal, this.metrics.uploads.forwardingTo(target));
    try {
      const checkpoint = checkpointAt?.(target);
      const stored = await storeVerified(element, file, { body: sent, signal, checkpoint });
      span.set({ 'file.size': body.digest().size, 'ingester.outcome': 'stored' });
      return { target, file: stored };
    } catch (error) {
      const after = await this.lookAfter(error, element, call);
      span.set({ 'http.response.status_code': statusCodeOf(error) });
      if (after.kind === 'stored') {
        span.set({ 'file.size': after.file.size, 'ingester.outcome': 'stored_unanswered' });
        this.countTimeout(target, error);
        return { target, file: after.file };
      }
      watcher?.failed(target, error, after.kind === 'absent');
      throw after.kind === 'taken' ? idTaken(error) : error;
    } finally {
      sent.close();
    }
  }

  /** The file at one element, or undefined where that has none of the id. Who leaves does not wait for it. */
  @Outbound(STORAGE_QUERY_POLICY)
  stat(call: FileCall): Promise<StoredFile | undefined> {
    return abortable(call.signal, this.elements.at(call.target).stat(call.fileId));
  }

  /** What is under way when `call.signal` aborts may be removed all the same. */
  @Outbound(STORAGE_QUERY_POLICY)
  async remove(call: FileCall): Promise<void> {
    call.signal.throwIfAborted();
    await abortable(call.signal, this.elements.at(call.target).remove(call.fileId));
  }

  /** Nobody goes on with the upload to `target` of which `state` was saved: what is left of it there may go. Never fails. */
  discard({ target, state }: { readonly target: string; readonly state: string }): void {
    this.elements.find(target)?.discard?.(state);
  }

  /** The elements that are written to. */
  writtenTargets(): readonly string[] {
    return this.elements.writtenTargets();
  }

  /** Asks all elements that are written to for a file. Never fails: one that cannot be asked is named. */
  async find(fileId: string, signal: AbortSignal): Promise<FileSearch> {
    const unverified: string[] = [];
    const answers = await Promise.all(
      this.writtenTargets().map(async (target): Promise<PlacedFile | undefined> => {
        try {
          const file = await this.stat({ targets: [target], fileId, signal });
          return file && { target, file };
        } catch (error) {
          // Else it is the upload that ended, and nobody's fault here.
          if (!signal.aborted) this.logger.warn(`${target} could not be asked for a file: ${String(error)}`);
          unverified.push(target);
          return undefined;
        }
      }),
    );
    return { found: theFile(answers.filter((answer) => answer !== undefined)), unverified };
  }

  private acceptsEmptyFiles(target: string): boolean {
    return this.elements.at(target).acceptsEmptyFiles;
  }

  /** An attempt that is found to have succeeded is no failure to anybody else, but was late all the same. */
  private countTimeout(target: string, error: unknown): void {
    const phase = timeoutPhaseOf(error);
    if (phase) this.metrics.outbound.timedOut(target, phase);
  }

  /**
   * The answer to a file that was sent whole was lost, or was no answer, or nobody waited for it any longer: the element
   * is asked what it has, before the file is sent again or given up. What is there and is not the file is removed, as far
   * as the element lets us, where nobody else can have put it there.
   */
  private async lookAfter(
    error: unknown,
    element: StorageElement,
    { file, body, mayRemove = () => true, idIsCallers = false }: PutCall,
  ): Promise<AfterFailure> {
    if (!classifyFailure(error, STORAGE_CODES).mayHaveSucceeded) return { kind: 'unknown' };
    try {
      const kept = await element.stat(file.fileId);
      if (!kept) return { kind: 'absent' };
      const digest = body.digest();
      if (isSameFile(kept, digest)) return { kind: 'stored', file: kept };
      // Who was stopped meanwhile does not know what others have made of it since.
      if (mayBeFile(kept, digest) || !mayRemove()) return { kind: 'unknown' };
      if (idIsCallers) return { kind: 'taken' };
      await element.remove(kept.fileId);
      return { kind: 'absent' };
    } catch (askingError) {
      this.logger.warn(`${element.id} does not say whether it kept ${file.fileId}: ${String(askingError)}`);
      return { kind: 'unknown' };
    }
  }
}

/** One without a checksum is not told from the file where it is of its size. */
function mayBeFile({ size, sha256 }: StoredFile, digest: ContentDigest): boolean {
  return sha256 === undefined && size === digest.size;
}

function idTaken(cause: unknown): ServiceError {
  return new ServiceError('CONFLICT', 'A file with this id is stored already, and it is not this one.', {
    cause,
  });
}

/**
 * Where elements have different bytes, one has stored them wrongly and let nothing be removed, and the file went on to
 * another: what came last counts.
 */
function theFile(placed: readonly PlacedFile[]): PlacedFile | undefined {
  const [first] = placed;
  if (placed.every(({ file }) => file.sha256 === first?.file.sha256)) return first;
  return placed.toSorted((one, other) => storedAtMs(other) - storedAtMs(one))[0];
}

function storedAtMs({ file }: PlacedFile): number {
  return file.uploadedAt?.getTime() ?? 0;
}
