import { describe, expect, it } from '@jest/globals';
import { type Context, ROOT_CONTEXT, SpanKind, trace } from '@opentelemetry/api';
import { SamplingDecision } from '@opentelemetry/sdk-trace';
import { OwnSampler, PARENT_DECIDES } from './own-sampler.js';

const SPAN = '00f067aa0ba902b7';
/** A share of all traces that is not 0 contains the one, and one that is not 1 lacks the other. */
const [ALWAYS_IN, ALWAYS_OUT] = ['1'.padStart(32, '0'), 'f'.repeat(8).padStart(32, '0')];
const [SAMPLED, NOT_SAMPLED] = [1, 0];

interface Parent {
  readonly traceId: string;
  readonly traceFlags: number;
  readonly isRemote: boolean;
}

const childOf = (parent: Parent): Context => trace.setSpanContext(ROOT_CONTEXT, { ...parent, spanId: SPAN });
const client = (traceFlags: number, traceId = ALWAYS_IN): Context =>
  childOf({ traceId, traceFlags, isRemote: true });

function isRecorded(sampler: OwnSampler, context: Context, link?: Parent): boolean {
  const links = link ? [{ context: { ...link, spanId: SPAN } }] : [];
  const traceId = trace.getSpanContext(context)?.traceId ?? ALWAYS_IN;
  const { decision } = sampler.shouldSample(context, traceId, 'upload', SpanKind.SERVER, {}, links);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

describe('OwnSampler', () => {
  it('takes the share of traces that are ours by their ids', () => {
    expect(isRecorded(new OwnSampler('traceidratio', 1e-6), ROOT_CONTEXT)).toBe(true);
  });

  it.each(['traceidratio', 'parentbased_traceidratio'] as const)(
    '%s takes its share of strangers by neither their ids nor their flags',
    (name) => {
      const [few, most] = [new OwnSampler(name, 1e-6), new OwnSampler(name, 1 - 1e-6)];
      expect(isRecorded(few, client(SAMPLED, ALWAYS_IN))).toBe(false);
      expect(isRecorded(most, client(NOT_SAMPLED, ALWAYS_OUT))).toBe(true);
    },
  );

  it('has a client decide that is believed, where it is based on parents', () => {
    const believed = (flags: number): Context => client(flags).setValue(PARENT_DECIDES, true);
    const off = new OwnSampler('parentbased_always_off', 1);
    expect([SAMPLED, NOT_SAMPLED].map((flags) => isRecorded(off, believed(flags)))).toEqual([true, false]);
    expect(isRecorded(new OwnSampler('always_off', 1), believed(SAMPLED))).toBe(false);
    expect(isRecorded(new OwnSampler('always_on', 1), believed(NOT_SAMPLED))).toBe(true);
  });

  it.each(['always_on', 'traceidratio', 'parentbased_always_off'] as const)(
    '%s keeps the spans of one trace together that are ours',
    (name) => {
      const sampler = new OwnSampler(name, 1e-6);
      const own = { traceId: ALWAYS_OUT, isRemote: false };
      expect(isRecorded(sampler, childOf({ ...own, traceFlags: SAMPLED }))).toBe(true);
      expect(isRecorded(sampler, childOf({ ...own, traceFlags: NOT_SAMPLED }))).toBe(false);
    },
  );

  it('records what follows a promise where the promise was recorded, if it is based on parents', () => {
    const link = { traceId: ALWAYS_OUT, isRemote: true, traceFlags: SAMPLED };
    expect(isRecorded(new OwnSampler('parentbased_always_off', 1), ROOT_CONTEXT, link)).toBe(true);
    expect(isRecorded(new OwnSampler('always_off', 1), ROOT_CONTEXT, link)).toBe(false);
  });
});
