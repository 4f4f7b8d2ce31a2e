import type { SeenReplica } from './replica-rows.js';
import type { ReplicaState } from './replica-state.js';

/** Another replica, and what it said of itself with its last beat. */
export interface OtherReplica {
  readonly seen: SeenReplica;
  readonly state: ReplicaState;
  /** Was it seen lately? */
  readonly lives: boolean;
}

/** A replica as it is told. Members are as on the wire. */
export interface ReplicaReport extends Omit<ReplicaState, 'transitions'> {
  readonly replica_id: string;
  readonly version: string;
  readonly address: string;
  /** null while it has none. */
  readonly spool_id: string | null;
  readonly started_at: string;
  readonly last_seen_at: string;
  readonly lives: boolean;
}

export function reportOf({ seen, state, lives }: OtherReplica): ReplicaReport {
  return {
    replica_id: seen.replicaId,
    version: seen.version,
    address: seen.address,
    spool_id: seen.spoolId,
    started_at: seen.startedAt.toISOString(),
    last_seen_at: seen.lastSeenAt.toISOString(),
    lives,
    ...membersOf(state),
  };
}

/** What is told of each replica; the last transitions of all are told together. */
export function membersOf(state: ReplicaState): Omit<ReplicaState, 'transitions'> {
  const { draining, uploads, bytes, deliveries, retries, spool, circuits } = state;
  return { draining, uploads, bytes, deliveries, retries, spool, circuits };
}
