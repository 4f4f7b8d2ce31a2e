import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { AuditTrail } from '../delivery/audit-trail.service.js';
import { ServiceError } from '../errors/service-error.js';
import { ActiveUploads } from '../ingest/active-uploads.service.js';
import type { UploadProgress } from '../ingest/upload-progress.js';
import { type PeerAnswer, Peers } from '../peers/peers.service.js';
import { Replicas } from '../replicas/replicas.service.js';

/** Who has an upload stopped, and why. */
export interface AbortedBy {
  readonly who: string;
  readonly reason: string;
}

const RETRY_AFTER_MS = 5_000;
const UNDERSTOOD = new Set([204, 404, 409]);

/** Stops uploads in flight, at whichever replica they are. */
@Injectable()
export class UploadAborts {
  private readonly logger = new Logger(UploadAborts.name);

  constructor(
    private readonly uploads: ActiveUploads,
    private readonly audit: AuditTrail,
    private readonly replicas: Replicas,
    private readonly peers: Peers,
  ) {}

  /**
   * Stops an upload, and writes down who did it; what cannot be written down is not done.
   * @throws NOT_FOUND where it is not in flight; CONFLICT where nothing stops it any more; REPLICA_UNAVAILABLE where it is not
   * here, and a replica that may have it does not answer; QUEUE_UNAVAILABLE
   */
  async abort(request: Request, uploadId: string, by: AbortedBy): Promise<void> {
    const here = this.uploads.all.filter((upload) => upload.uploadId === uploadId);
    if (here.length > 0) return this.abortHere(here, uploadId, by);
    const { reason } = by;
    const { answers, unanswered } = await this.peers.ask(request, isUnderstood, { reason });
    const statuses = new Set(answers.map(({ status }) => status));
    if (statuses.has(204)) return;
    if (statuses.has(409)) throw tooLate();
    if (unanswered.length === 0) throw notInFlight();
    throw new ServiceError(
      'REPLICA_UNAVAILABLE',
      'The upload is not in flight here, and a replica that may have it does not answer.',
      { retryAfterMs: RETRY_AFTER_MS },
    );
  }

  private async abortHere(
    here: readonly UploadProgress[],
    uploadId: string,
    { who, reason }: AbortedBy,
  ): Promise<void> {
    if (here.every(({ isTooLateToStop }) => isTooLateToStop)) throw tooLate();
    const { replicaId } = this.replicas;
    const data = { replica_id: replicaId, uploads: here.map(factsOf) };
    await this.audit.record({ who, action: 'abort', subject: uploadId, reason, data }, () => {
      const result = this.uploads.stop(
        uploadId,
        new ServiceError('UPLOAD_ABORTED', 'An operator has stopped it.'),
      );
      if (result === 'absent') throw notInFlight();
      if (result === 'too_late') throw tooLate();
    });
    this.logger.warn({ upload_id: uploadId, by: who, reason }, 'an upload is stopped by an operator');
  }
}

function isUnderstood({ status }: PeerAnswer): boolean {
  return UNDERSTOOD.has(status);
}

function factsOf({ caller, protocol, phase, receivedBytes }: UploadProgress): object {
  return { caller, protocol, phase, bytes_received: receivedBytes };
}

function notInFlight(): ServiceError {
  return new ServiceError('NOT_FOUND', 'No upload of this id is in flight.');
}

function tooLate(): ServiceError {
  return new ServiceError('CONFLICT', 'All bytes of the upload are here, and nothing stops it any more.');
}
