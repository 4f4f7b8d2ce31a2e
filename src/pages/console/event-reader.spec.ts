import { expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { EventReader } from './event-reader.js';

const STREAM =
  'retry: 2000\n\n: heartbeat\n\nevent: snapshot\ndata: {"a":1}\n\nid: 4\ndata: one\ndata:two\n\n';

it('reads the same events however the stream is cut', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length)), (cuts) => {
      const reader = new EventReader();
      const at = [0, ...cuts.toSorted((a, b) => a - b), STREAM.length];
      const events = at.flatMap((start, index) =>
        reader.read(STREAM.slice(start, at[index + 1] ?? STREAM.length)),
      );
      expect(events).toEqual([
        { event: 'snapshot', data: '{"a":1}' },
        { event: 'message', data: 'one\ntwo' },
      ]);
    }),
  );
});

it('takes no event without an end', () => {
  const reader = new EventReader();
  expect(() => reader.read(`data: ${'x'.repeat(9_000_000)}`)).toThrow(RangeError);
});
