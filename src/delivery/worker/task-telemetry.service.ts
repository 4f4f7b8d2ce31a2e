import { Injectable } from '@nestjs/common';
import { runInRequestContext } from '../../observability/request-context.js';
import { type Span, type SpanReference, Tracing } from '../../observability/tracing.js';
import { DeliveryMetrics } from '../delivery-metrics.service.js';
import { TaskKinds } from '../task-kinds.service.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import type { ClaimedTask, HeldTask } from './held-task.js';
import type { NextStep } from './next-step.js';

/** How a try ended, and what becomes of the task. */
interface SettledTry {
  readonly outcome: AttemptOutcome;
  readonly step: NextStep;
}

/** Tells what comes of tries at tasks, in metrics and in traces. */
@Injectable()
export class TaskTelemetry {
  constructor(
    private readonly tracing: Tracing,
    private readonly kinds: TaskKinds,
    private readonly metrics: DeliveryMetrics,
  ) {}

  /**
   * Tries under the id of the request that brought the upload. Where nothing is traced its trace goes on; else the try is a trace of
   * its own, which is linked to the upload: a file may wait for days.
   */
  around(claimed: ClaimedTask, work: (span: Span) => Promise<void>): Promise<void> {
    const { task, upload } = claimed;
    const begin = (): Promise<void> =>
      this.tracing.around(
        task.kind,
        {
          kind: 'consumer',
          link: spanOf(upload.request),
          attributes: {
            'ingester.upload.id': upload.uploadId,
            'ingester.task.id': task.task_id,
            'ingester.attempt': task.attempts + 1,
            'file.size': upload.digest.size,
          },
        },
        work,
      );
    return upload.request ? runInRequestContext(upload.request, begin) : begin();
  }

  settled(held: HeldTask, { outcome, step }: SettledTry, span: Span): void {
    const { doneAs } = this.kinds.get(held.claimed.task.kind);
    span.set({
      'ingester.outcome': outcome.kind,
      'ingester.next_step': step.kind,
      ...('stored' in outcome && { 'ingester.target': outcome.stored?.target }),
    });
    const reason = reasonOf(outcome);
    if (reason !== undefined) span.fail(reason, true);
    if (outcome.kind === 'failed' || outcome.kind === 'refused') this.metrics.attemptFailed();
    this.metrics.settled(doneAs, step, held.elapsedMs);
  }
}

/** Undefined where it was not traced. */
function spanOf(request: ClaimedTask['upload']['request']): SpanReference | undefined {
  if (request?.spanId === undefined) return undefined;
  const { traceId, spanId, traceFlags } = request;
  return { traceId, spanId, traceFlags };
}

/** Why the work was not done; undefined where it was, or is not wanted any more. */
function reasonOf(outcome: AttemptOutcome): string | undefined {
  if ('reason' in outcome) return outcome.reason;
  return outcome.kind === 'in_doubt' ? outcome.kind : undefined;
}
