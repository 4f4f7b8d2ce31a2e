/*
 * The bytes of an unfinished upload lie in files `<epoch>-<start>.seg`, which are only appended to. Whoever takes an upload
 * over begins a new epoch, and goes on in a file of its own: what a process that lost the upload still writes into an older
 * one lies behind the start of the newer, and counts for nothing.
 */

/** A file with bytes of an upload. */
export interface SegmentName {
  readonly epoch: number;
  /** Offset in the upload of its first byte. */
  readonly start: number;
}

export interface SegmentStatus extends SegmentName {
  /** Bytes in the file. */
  readonly size: number;
}

/** A part of an upload: the first bytes of a segment, or all of it. */
export interface Extent extends SegmentName {
  /** Offset in the upload behind its last byte. */
  readonly end: number;
  /** Does it have all that is in the file? */
  readonly isWholeFile: boolean;
}

const NAME = /^([0-9]{1,9})-([0-9]{1,16})\.seg$/;

export function segmentFileName({ epoch, start }: SegmentName): string {
  return `${epoch}-${start}.seg`;
}

/** What a name tells; undefined for one that is no segment's. */
export function segmentOf(fileName: string): SegmentName | undefined {
  const [, epoch, start] = NAME.exec(fileName) ?? [];
  return start === undefined ? undefined : { epoch: Number(epoch), start: Number(start) };
}

/**
 * The bytes of an upload, in order and without a gap. The newest segment counts, and of older ones what lies before it: the newest
 * of them that reaches its start, and so on down to the first byte. One that no older ones reach does not count.
 */
export function extentsOf(segments: readonly SegmentStatus[]): readonly Extent[] {
  const newestFirst = segments.toSorted((a, b) => b.epoch - a.epoch || b.start - a.start);
  for (let at = 0; at < newestFirst.length; at += 1) {
    const chain = chainFrom(newestFirst.slice(at));
    if (chain) return chain;
  }
  return [];
}

/** The bytes up to the end of the first of these; undefined where the others do not reach it. */
function chainFrom([newest, ...older]: readonly SegmentStatus[]): readonly Extent[] | undefined {
  if (!newest) return undefined;
  const backwards = [extentOf(newest, newest.start + newest.size)];
  let need = newest.start;
  for (const segment of older) {
    if (segment.start >= need || segment.start + segment.size < need) continue;
    backwards.push(extentOf(segment, need));
    need = segment.start;
  }
  return need === 0 ? backwards.toReversed() : undefined;
}

function extentOf({ epoch, start, size }: SegmentStatus, end: number): Extent {
  return { epoch, start, end, isWholeFile: end === start + size };
}

/** What there is when `next` begins: bytes behind its start count no more. */
export function withNext(extents: readonly Extent[], next: Extent): readonly Extent[] {
  return [...upTo(extents, next.start), next];
}

/** The bytes before `end`. */
export function upTo(extents: readonly Extent[], end: number): readonly Extent[] {
  const kept = extents.filter(({ start }) => start < end);
  const last = kept.at(-1);
  if (!last || last.end <= end) return kept;
  return [...kept.slice(0, -1), { ...last, end, isWholeFile: false }];
}

/** How many bytes there are in all. */
export function endOf(extents: readonly Extent[]): number {
  return extents.at(-1)?.end ?? 0;
}
