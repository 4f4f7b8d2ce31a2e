import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { casesOf } from '../../../test/support/long-run.js';
import { endOf, type Extent, extentsOf, segmentFileName, segmentOf, upTo } from './extents.js';

const segment = (
  epoch: number,
  start: number,
  size: number,
): { epoch: number; start: number; size: number } => {
  return { epoch, start, size };
};

/** Pieces of `start` to `end`, as they are named. */
const shown = (extents: readonly Extent[]): string[] =>
  extents.map(({ epoch, start, end, isWholeFile }) => `${epoch}:${start}-${end}${isWholeFile ? '' : '…'}`);

describe('the bytes of an upload', () => {
  it('are those of its segments, one after the other', () => {
    expect(shown(extentsOf([segment(2, 10, 5), segment(1, 0, 10)]))).toEqual(['1:0-10', '2:10-15']);
    expect(extentsOf([])).toEqual([]);
    expect(endOf([])).toBe(0);
  });

  it('do not have what a process wrote that had lost the upload', () => {
    expect(shown(extentsOf([segment(1, 0, 25), segment(2, 10, 5)]))).toEqual(['1:0-10…', '2:10-15']);
    expect(shown(extentsOf([segment(1, 0, 10), segment(2, 10, 90), segment(3, 4, 2)]))).toEqual([
      '1:0-4…',
      '3:4-6',
    ]);
    expect(shown(extentsOf([segment(1, 0, 10), segment(2, 0, 0)]))).toEqual(['2:0-0']);
  });

  it('end at a gap', () => {
    expect(shown(extentsOf([segment(1, 0, 10), segment(2, 11, 5)]))).toEqual(['1:0-10']);
    expect(extentsOf([segment(2, 11, 5)])).toEqual([]);
  });

  it('are those of the newest taker, whatever one that came late before it has made', () => {
    expect(shown(extentsOf([segment(1, 0, 150), segment(3, 150, 50), segment(2, 100, 10)]))).toEqual([
      '1:0-150',
      '3:150-200',
    ]);
    expect(shown(extentsOf([segment(3, 0, 10), segment(3, 10, 5), segment(2, 7, 2)]))).toEqual([
      '3:0-10',
      '3:10-15',
    ]);
  });

  it('are cut off in the middle of a segment, or before it', () => {
    const extents = extentsOf([segment(1, 0, 10), segment(2, 10, 5)]);
    expect(shown(upTo(extents, 12))).toEqual(['1:0-10', '2:10-12…']);
    expect(shown(upTo(extents, 10))).toEqual(['1:0-10']);
    expect(shown(upTo(extents, 0))).toEqual([]);
  });

  it('lie in files whose names tell where', () => {
    expect(segmentOf(segmentFileName({ epoch: 3, start: 4_000_000_000 }))).toEqual({
      epoch: 3,
      start: 4_000_000_000,
    });
    for (const name of ['info', '1-0.staged', '1-.seg', '-1-0.seg', '1-0.seg.new', '1-0'])
      expect(segmentOf(name)).toBeUndefined();
  });

  /**
   * A model of a disk and of the processes that have an upload one after the other: each goes on where it sees the end, those that
   * have lost it write on into their own segment. What was acknowledged must be there, whatever was written behind it.
   */
  it('have all that was acknowledged, in its order, whoever writes besides', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('append' as const), bytes: fc.integer({ min: 0, max: 9 }) }),
      fc.record({
        kind: fc.constant('stale' as const),
        bytes: fc.integer({ min: 1, max: 9 }),
        of: fc.nat(9),
      }),
      fc.record({ kind: fc.constant('take' as const), unacknowledged: fc.integer({ min: 0, max: 5 }) }),
      fc.record({ kind: fc.constant('cut' as const), back: fc.nat(9) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const disk: { epoch: number; start: number; bytes: number[] }[] = [];
        let acknowledged: number[] = [];
        let next = 0;
        const contentOf = (): number[] =>
          extentsOf(disk.map(({ epoch, start, bytes }) => segment(epoch, start, bytes.length))).flatMap(
            (extent) => {
              const file = disk.find(({ epoch, start }) => epoch === extent.epoch && start === extent.start);
              return file?.bytes.slice(0, extent.end - extent.start) ?? [];
            },
          );
        const begin = (start: number): void => {
          disk.push({ epoch: disk.length + 1, start, bytes: [] });
        };
        begin(0);
        for (const each of steps) {
          const mine = disk.at(-1);
          if (each.kind === 'append') {
            const bytes = Array.from({ length: each.bytes }, () => (next += 1));
            mine?.bytes.push(...bytes);
            acknowledged.push(...bytes);
          } else if (each.kind === 'take') {
            // Bytes that came and were not acknowledged count as soon as somebody else has seen them.
            const bytes = Array.from({ length: each.unacknowledged }, () => (next += 1));
            mine?.bytes.push(...bytes);
            acknowledged = contentOf();
            begin(acknowledged.length);
          } else if (each.kind === 'cut') {
            acknowledged = acknowledged.slice(0, Math.max(0, acknowledged.length - each.back));
            begin(acknowledged.length);
          } else {
            const stale = disk.slice(0, -1).at(-1 - (each.of % Math.max(1, disk.length - 1)));
            stale?.bytes.push(...Array.from({ length: each.bytes }, () => -1));
          }
          expect(contentOf()).toEqual(acknowledged);
        }
      }),
      { numRuns: casesOf(300) },
    );
  });
});
