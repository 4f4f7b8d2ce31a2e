import type { Replica, Snapshot, UploadCounters } from './shapes.js';

/** How uploads end, in the order in which they are drawn. */
export const OUTCOMES = ['stored', 'accepted', 'rejected', 'failed', 'client_abort'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What happened in ten seconds. */
export interface Bucket {
  /** Milliseconds since 1970, of its beginning, by the clock of the service. */
  readonly startMs: number;
  /** How much of it was watched. */
  seconds: number;
  readonly uploads: Record<Outcome, number>;
  received: number;
  sent: number;
  /** Of the fullest spool, 0 to 1. */
  spoolFill: number;
}

const BUCKET_MS = 10_000;
/** 15 minutes. */
export const BUCKETS = 90;
/** Over which the filling of a spool is measured. */
const TREND_BUCKETS = 30;
/** Less than this much more of a spool in that time is no trend. */
const LEAST_TREND = 0.001;

/** The last 15 minutes, from one snapshot to the next; older ones are with whoever collects metrics. */
export class History {
  private readonly ring: Bucket[] = [];
  private counters = new Map<string, Counters>();
  private firstMs: number | undefined;
  private lastMs: number | undefined;

  /** Oldest first. */
  get buckets(): readonly Bucket[] {
    return this.ring;
  }

  /** When the data begins; undefined where it is of 15 minutes. */
  get sinceMs(): number | undefined {
    if (this.firstMs === undefined || this.lastMs === undefined) return undefined;
    return this.lastMs - this.firstMs < (BUCKETS - 1) * BUCKET_MS ? this.firstMs : undefined;
  }

  add(snapshot: Snapshot): void {
    const nowMs = Date.parse(snapshot.at);
    const bucket = this.bucketAt(nowMs);
    this.firstMs ??= nowMs;
    const elapsed = this.lastMs === undefined ? 0 : (nowMs - this.lastMs) / 1000;
    const next = new Map<string, Counters>();
    for (const replica of snapshot.replicas) {
      const before = this.counters.get(replica.replica_id);
      const now = countersOf(replica);
      next.set(replica.replica_id, now);
      if (before) addDifference(bucket, before, now);
    }
    bucket.seconds += Math.max(0, elapsed);
    bucket.spoolFill = Math.max(0, ...snapshot.replicas.filter(({ lives }) => lives).map(spoolFill));
    this.counters = next;
    this.lastMs = nowMs;
  }

  /** What was counted since the data begins, 15 minutes ago at the earliest. */
  total(outcome: Outcome): number {
    return this.ring.reduce((sum, { uploads }) => sum + uploads[outcome], 0);
  }

  /** How many of these a second, over the last half a minute. */
  rate(of: (bucket: Bucket) => number): number {
    const last = this.ring.slice(-3);
    const seconds = last.reduce((sum, bucket) => sum + bucket.seconds, 0);
    return seconds === 0 ? 0 : last.reduce((sum, bucket) => sum + of(bucket), 0) / seconds;
  }

  /** When the fullest spool is full, if it goes on as in the last five minutes; undefined where it does not fill. */
  secondsToFull(): number | undefined {
    const last = this.ring.slice(-TREND_BUCKETS);
    const [first, end] = [last[0], last.at(-1)];
    if (!first || !end || last.length < 3) return undefined;
    const gain = end.spoolFill - first.spoolFill;
    if (gain < LEAST_TREND) return undefined;
    return ((1 - end.spoolFill) * (end.startMs - first.startMs)) / 1000 / gain;
  }

  private bucketAt(nowMs: number): Bucket {
    const startMs = nowMs - (nowMs % BUCKET_MS);
    const last = this.ring.at(-1);
    // A clock that was set back does not make the same time twice.
    if (last && startMs <= last.startMs) return last;
    const bucket = emptyBucket(startMs);
    this.ring.push(bucket);
    while ((this.ring[0]?.startMs ?? startMs) <= startMs - BUCKETS * BUCKET_MS) this.ring.shift();
    return bucket;
  }
}

/** How full a spool is, 0 to 1: of its limit, or of the disk where it has none. */
export function spoolFill({ spool }: Pick<Replica, 'spool'>): number {
  const room = spool.limit_bytes > 0 ? spool.limit_bytes : spool.bytes + (spool.free_bytes ?? 0);
  return room === 0 ? 0 : Math.min(1, spool.bytes / room);
}

interface Counters {
  readonly startedAt: string;
  readonly uploads: UploadCounters;
  readonly received: number;
  readonly sent: number;
}

function countersOf({ started_at: startedAt, uploads, bytes }: Replica): Counters {
  return { startedAt, uploads, received: bytes.received, sent: bytes.sent };
}

function addDifference(bucket: Bucket, before: Counters, now: Counters): void {
  // A process that has started again counts from 0.
  const isSame = before.startedAt === now.startedAt;
  const since = (was: number, is: number): number => Math.max(0, isSame ? is - was : is);
  for (const outcome of OUTCOMES)
    bucket.uploads[outcome] += since(before.uploads[outcome], now.uploads[outcome]);
  bucket.received += since(before.received, now.received);
  bucket.sent += since(before.sent, now.sent);
}

function emptyBucket(startMs: number): Bucket {
  const uploads = { stored: 0, accepted: 0, rejected: 0, failed: 0, client_abort: 0 };
  return { startMs, seconds: 0, uploads, received: 0, sent: 0, spoolFill: 0 };
}
