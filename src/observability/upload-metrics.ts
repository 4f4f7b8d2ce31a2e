import { Counter, Gauge, Histogram, type Registry } from '@prometheus-io/client';
import { annotateSpan } from './current-span.js';

/** How uploads come that are counted from the start; another one is counted from its first upload on. */
const PROTOCOLS = ['multipart', 'raw', 'tus', 'resumable'];
/** `received`: bytes of an upload that goes on with other requests. */
export type UploadOutcome = 'stored' | 'accepted' | 'received' | 'rejected' | 'failed' | 'client_abort';

/** One upload under way, as it is counted. */
export interface MeasuredUpload {
  /** Says how many bytes of the file have come so far, from when there is a file to ask. */
  counts(receivedBytes: () => number): void;
  /** How many have come so far; none once it has ended. */
  receivedBytes(): number;
  /** Ends the measuring; a second time does nothing. */
  end(outcome: UploadOutcome): void;
}

/** What was counted since the process began. */
export interface UploadFigures {
  readonly inFlight: number;
  readonly ended: Readonly<Record<UploadOutcome, number>>;
  readonly receivedBytes: number;
  readonly forwardedBytes: number;
}

/** Counts an upload that came and ended in one way. */
type CountEnd = (durationMs: number, bytes: number) => void;
type CountEnds = Readonly<Record<UploadOutcome, CountEnd>>;

const LABELS = ['route', 'outcome'] as const;
const DURATIONS_SECONDS = [0.005, 0.02, 0.1, 0.5, 1, 5, 15, 60, 300, 1_800, 7_200];
const KIB = 1024;
const SIZES_BYTES = [1, 16, 256, KIB, 16 * KIB, 64 * KIB, 256 * KIB, KIB ** 2, 10 * KIB ** 2].map(
  (kib) => kib * KIB,
);

const none = (): number => 0;

/** Counts uploads. What is still on its way counts as received, so that a long upload shows before its end. */
export class UploadMetrics {
  readonly #endsOf: (protocol: string) => CountEnds;
  /** Bytes that went out, by target. */
  readonly #forwarded = new Map<string, number>();
  readonly #underWay = new Set<() => number>();
  readonly #ended: Record<UploadOutcome, number> = {
    stored: 0,
    accepted: 0,
    received: 0,
    rejected: 0,
    failed: 0,
    client_abort: 0,
  };
  #receivedBytes = 0;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#endsOf = endsOfUploads(registers);
    this.#addReadings(registers);
  }

  /** `protocol` labels metrics: one of few. */
  begin(protocol: string): MeasuredUpload {
    const startedAtMs = performance.now();
    let receivedBytes = none;
    const reading = (): number => receivedBytes();
    this.#underWay.add(reading);
    return {
      counts: (read) => {
        receivedBytes = read;
      },
      receivedBytes: reading,
      end: (outcome) => {
        if (!this.#underWay.delete(reading)) return;
        const bytes = receivedBytes();
        this.#receivedBytes += bytes;
        this.#ended[outcome] += 1;
        // A table that the set has outgrown keeps what was in it, and with it the file, until all of the heap is marked.
        receivedBytes = none;
        this.#endsOf(protocol)[outcome](performance.now() - startedAtMs, bytes);
        annotateSpan({
          'ingester.upload.protocol': protocol,
          'ingester.upload.outcome': outcome,
          'ingester.upload.bytes': bytes,
        });
      },
    };
  }

  get figures(): UploadFigures {
    return {
      inFlight: this.#underWay.size,
      ended: { ...this.#ended },
      receivedBytes: this.#receivedNow(),
      forwardedBytes: [...this.#forwarded.values()].reduce((sum, bytes) => sum + bytes, 0),
    };
  }

  /** Gives what counts bytes that go out to `target`, which is one of those configured: it labels a metric. */
  forwardingTo(target: string): (bytes: number) => void {
    return (bytes) => this.#forwarded.set(target, (this.#forwarded.get(target) ?? 0) + bytes);
  }

  #receivedNow(): number {
    return [...this.#underWay].reduce((sum, reading) => sum + reading(), this.#receivedBytes);
  }

  /** What is worked out when somebody reads it: a counter costs more than a sum, and chunks are many. */
  #addReadings(registers: Registry[]): void {
    const underWay = this.#underWay;
    const received: Counter = new Counter({
      name: 'upload_received_bytes_total',
      help: 'Bytes of files that were received, those of uploads under way included.',
      registers,
      collect: () => {
        received.reset();
        received.inc(this.#receivedNow());
      },
    });
    const forwarded: Counter<'target'> = new Counter({
      name: 'upload_forwarded_bytes_total',
      help: 'Bytes of files that went out, by the storage element; those of each attempt count.',
      labelNames: ['target'],
      registers,
      collect: () => {
        forwarded.reset();
        for (const [target, bytes] of this.#forwarded) forwarded.inc({ target }, bytes);
      },
    });
    const inFlight: Gauge = new Gauge({
      name: 'upload_inflight',
      help: 'Uploads under way.',
      registers,
      collect: () => inFlight.set(underWay.size),
    });
  }
}

/** Binds each series once, as to find it by its labels with every upload costs more than to count. */
function endsOfUploads(registers: Registry[]): (protocol: string) => CountEnds {
  const requests = new Counter({
    name: 'upload_requests_total',
    help: 'Uploads that ended, by how they came and how they ended.',
    labelNames: LABELS,
    registers,
  });
  const durations = new Histogram({
    name: 'upload_duration_seconds',
    help: 'Time from the head of the request to the outcome of the upload.',
    labelNames: LABELS,
    buckets: DURATIONS_SECONDS,
    registers,
  });
  const sizes = new Histogram({
    name: 'upload_size_bytes',
    help: 'Bytes of the file that were received, all of them where it was stored.',
    labelNames: LABELS,
    buckets: SIZES_BYTES,
    registers,
  });
  const endOf = (route: string, outcome: UploadOutcome): CountEnd => {
    const labels = { route, outcome };
    const [count, duration, size] = [requests.labels(labels), durations.labels(labels), sizes.labels(labels)];
    count.inc(0);
    return (durationMs, bytes) => {
      count.inc();
      duration.observe(durationMs / 1000);
      size.observe(bytes);
    };
  };
  const bind = (route: string): CountEnds => ({
    stored: endOf(route, 'stored'),
    accepted: endOf(route, 'accepted'),
    received: endOf(route, 'received'),
    rejected: endOf(route, 'rejected'),
    failed: endOf(route, 'failed'),
    client_abort: endOf(route, 'client_abort'),
  });
  const bound = new Map(PROTOCOLS.map((protocol) => [protocol, bind(protocol)]));
  return (protocol) => {
    const ends = bound.get(protocol) ?? bind(protocol);
    bound.set(protocol, ends);
    return ends;
  };
}
