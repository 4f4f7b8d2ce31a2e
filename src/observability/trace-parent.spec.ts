import { describe, expect, it } from '@jest/globals';
import { parseTraceParent } from './trace-parent.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

describe('parseTraceParent', () => {
  it('takes the trace id, the span id and the sampled flag of version 00', () => {
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-01`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      traceFlags: '01',
    });
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-00`)).toEqual({
      traceId: TRACE,
      spanId: SPAN,
      traceFlags: '00',
    });
  });

  it('drops flags other than sampled', () => {
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-ff`)?.traceFlags).toBe('01');
    expect(parseTraceParent(`00-${TRACE}-${SPAN}-fe`)?.traceFlags).toBe('00');
  });

  it('reads the known fields of a later version', () => {
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-01`)?.traceId).toBe(TRACE);
    expect(parseTraceParent(`cc-${TRACE}-${SPAN}-01-what-the-future-brings`)?.traceId).toBe(TRACE);
  });

  it.each([
    ['nothing', undefined],
    ['an empty value', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['more fields in version 00', `00-${TRACE}-${SPAN}-01-more`],
    ['a later version with more characters but no dash', `cc-${TRACE}-${SPAN}-01.more`],
    ['an all-zero trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['an all-zero parent id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper-case hex', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a short trace id', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['two headers joined', `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`],
  ])('gives nothing for %s', (_, header) => {
    expect(parseTraceParent(header)).toBeUndefined();
  });
});
