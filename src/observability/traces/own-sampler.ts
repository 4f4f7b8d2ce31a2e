import { type Context, createContextKey, type Link, TraceFlags, trace } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  type Sampler,
  type SamplingResult,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Environment } from '../../config/environment.js';
import { randomHex } from '../random-ids.js';

/** In a context: the client whose span is the parent may decide. */
export const PARENT_DECIDES = createContextKey('the parent decides');

const PARENT_BASED = 'parentbased_';
const TRACE_ID_BYTES = 16;
const [ON, OFF] = [new AlwaysOnSampler(), new AlwaysOffSampler()];

/**
 * Decides which spans are recorded. Our own spans of one trace go together. A stranger does not decide, neither by his flags nor by
 * his trace id, of which he could choose one that a share of all traces always contains.
 */
export class OwnSampler implements Sampler {
  readonly #root: Sampler;
  readonly #isParentBased: boolean;

  constructor(
    private readonly name: Environment['OTEL_TRACES_SAMPLER'],
    share: number,
  ) {
    this.#isParentBased = name.startsWith(PARENT_BASED);
    this.#root = rootOf(name.replace(PARENT_BASED, ''), share);
  }

  shouldSample(...asked: Parameters<Sampler['shouldSample']>): SamplingResult {
    const [context, traceId, name, kind, attributes, links] = asked;
    const parent = trace.getSpanContext(context);
    const believed = this.#isParentBased ? this.#believed(context, links) : undefined;
    const decider = parent?.isRemote === false ? parent : believed;
    if (decider) return (decider.traceFlags & TraceFlags.SAMPLED ? ON : OFF).shouldSample();
    const ownId = parent ? randomHex(TRACE_ID_BYTES) : traceId;
    return this.#root.shouldSample(context, ownId, name, kind, attributes, links);
  }

  toString(): string {
    return this.name;
  }

  /** The client's span, or the one of ours that made a promise. */
  #believed(context: Context, [link]: Link[]): { readonly traceFlags: number } | undefined {
    return context.getValue(PARENT_DECIDES) === true ? trace.getSpanContext(context) : link?.context;
  }
}

function rootOf(name: string, share: number): Sampler {
  if (name === 'always_off') return OFF;
  return name === 'traceidratio' ? new TraceIdRatioBasedSampler(share) : ON;
}
