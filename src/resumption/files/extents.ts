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
 * The bytes of an upload, in order and without a gap. A segment counts up to the start of the first one that comes after it; what
 * lies behind a gap does not count.
 */
export function extentsOf(segments: readonly SegmentStatus[]): readonly Extent[] {
  let extents: readonly Extent[] = [];
  for (const { epoch, start, size } of segments.toSorted((a, b) => a.epoch - b.epoch || a.start - b.start)) {
    if (start > endOf(extents)) break;
    extents = withNext(extents, { epoch, start, end: start + size, isWholeFile: true });
  }
  return extents;
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
