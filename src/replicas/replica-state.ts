import { z } from 'zod';
import type { DetailedCircuitReport } from '../outbound/circuit-reports.js';

/** A circuit came to another state. Members are as on the wire. */
export interface TransitionReport {
  readonly at: string;
  readonly replica_id: string;
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly cause: string;
  /** Who did it and why, where somebody did. */
  readonly by: string | null;
  readonly reason: string | null;
}

/** What a replica says of itself with each beat. Members are as on the wire; counters are since its start. */
export interface ReplicaState {
  /** Does it take no new uploads, as it is shutting down or an operator has ordered it? */
  readonly draining: boolean;
  readonly uploads: {
    readonly in_flight: number;
    readonly stored: number;
    readonly accepted: number;
    readonly rejected: number;
    readonly failed: number;
    readonly client_abort: number;
    readonly received: number;
  };
  /** From clients, and to storage elements. */
  readonly bytes: { readonly received: number; readonly sent: number };
  readonly deliveries: { readonly delivered: number; readonly failed_attempts: number };
  readonly retries: number;
  readonly spool: {
    readonly bytes: number;
    readonly files: number;
    /** 0: only the disk limits. */
    readonly limit_bytes: number;
    readonly free_bytes: number | null;
    /** Why it takes nothing. */
    readonly shut: string | null;
    /** Uploads that come in several requests and are not complete. */
    readonly open_uploads: number;
  };
  readonly circuits: Readonly<Record<string, DetailedCircuitReport>>;
  /** Newest first. */
  readonly transitions: readonly TransitionReport[];
}

/** What one room says of it. */
export interface StatePart extends Partial<
  Pick<ReplicaState, 'draining' | 'retries' | 'circuits' | 'transitions'>
> {
  readonly uploads?: Partial<ReplicaState['uploads']>;
  readonly bytes?: Partial<ReplicaState['bytes']>;
  readonly deliveries?: Partial<ReplicaState['deliveries']>;
  readonly spool?: Partial<ReplicaState['spool']>;
}

const NOTHING: ReplicaState = {
  draining: false,
  uploads: { in_flight: 0, stored: 0, accepted: 0, rejected: 0, failed: 0, client_abort: 0, received: 0 },
  bytes: { received: 0, sent: 0 },
  deliveries: { delivered: 0, failed_attempts: 0 },
  retries: 0,
  spool: { bytes: 0, files: 0, limit_bytes: 0, free_bytes: null, shut: null, open_uploads: 0 },
  circuits: {},
  transitions: [],
};

/** What is read of it here must be what it is taken for; the rest is passed on. */
const written = z.looseObject({
  draining: z.boolean(),
  circuits: z.record(z.string(), z.looseObject({ state: z.string() })),
  transitions: z.array(z.looseObject({ at: z.string() })),
});

/** All parts together; what nobody says is none. */
export function stateOf(parts: readonly StatePart[]): ReplicaState {
  let state = NOTHING;
  for (const part of parts) state = withPart(state, part);
  return state;
}

function withPart(state: ReplicaState, part: StatePart): ReplicaState {
  return {
    ...state,
    ...part,
    uploads: { ...state.uploads, ...part.uploads },
    bytes: { ...state.bytes, ...part.bytes },
    deliveries: { ...state.deliveries, ...part.deliveries },
    spool: { ...state.spool, ...part.spool },
    circuits: { ...state.circuits, ...part.circuits },
  };
}

/** What a replica has written; of one that wrote nothing, or what is not understood, nothing is known. */
export function readState(text: string | null): ReplicaState {
  if (text === null) return NOTHING;
  try {
    const said: object = written.parse(JSON.parse(text));
    return stateOf([said]);
  } catch {
    return NOTHING;
  }
}
