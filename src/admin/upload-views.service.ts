import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { ActiveUploads } from '../ingest/active-uploads.service.js';
import type { EndedUpload } from '../ingest/recent-uploads.js';
import type { UploadProgress } from '../ingest/upload-progress.js';
import { Peers } from '../peers/peers.service.js';
import { wasPassedOn } from '../peers/via.js';
import { Replicas } from '../replicas/replicas.service.js';
import { isPage, type Listing, mergedPage, type Page, pageOf, type PageQuery } from './upload-pages.js';
import type {
  ActiveUploadBody,
  ActiveUploadsBody,
  ActiveUploadsQuery,
  RecentUploadBody,
  RecentUploadsBody,
  RecentUploadsQuery,
} from './upload-views.dto.js';

const BY_START: Listing<ActiveUploadBody> = { timeOf: (upload) => upload.started_at, newestFirst: false };
const BY_END: Listing<RecentUploadBody> = { timeOf: (upload) => upload.ended_at, newestFirst: true };

/** How targets are named that are storage elements. */
const ELEMENT = /^storage:/;

/** Lists what is in flight, and what has ended, of all living replicas. */
@Injectable()
export class UploadViews {
  private readonly logger = new Logger(UploadViews.name);

  constructor(
    private readonly uploads: ActiveUploads,
    private readonly ledger: UploadsLedger,
    private readonly replicas: Replicas,
    private readonly peers: Peers,
  ) {}

  /** @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  active(request: Request, query: ActiveUploadsQuery): Promise<ActiveUploadsBody> {
    const { caller, protocol, phase } = query;
    const target = query.target?.replace(ELEMENT, '');
    const mine = this.uploads.all
      .map((upload) => activeBody(upload, this.replicas.replicaId))
      .filter((upload) => fits(upload, { caller, protocol, phase, target }));
    return this.ofAll(request, query, mine, BY_START);
  }

  /** @throws VALIDATION_ERROR, QUEUE_UNAVAILABLE */
  async recent(request: Request, query: RecentUploadsQuery): Promise<RecentUploadsBody> {
    const { caller, protocol, outcome } = query;
    const mine = this.uploads.recent.all
      .map((upload) => recentBody(upload, this.replicas.replicaId))
      .filter((upload) => fits(upload, { caller, protocol, outcome }));
    const page = await this.ofAll(request, query, mine, BY_END);
    // All share one ledger: it is asked once, by the one that answers.
    return wasPassedOn(request) ? page : { ...page, uploads: await this.withStatus(page.uploads) };
  }

  private async ofAll<T extends { readonly upload_id: string }>(
    request: Request,
    query: PageQuery,
    mine: readonly T[],
    listing: Listing<T>,
  ): Promise<Page<T> & { readonly unanswered_replicas: readonly string[] }> {
    const page = pageOf(mine, query, listing);
    const { answers, unanswered } = await this.peers.ask(request, isPage);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- another replica answers as this one does
    const pages = answers.map(({ body }) => body as Page<T>);
    return { ...mergedPage([page, ...pages], query.limit, listing), unanswered_replicas: unanswered };
  }

  /** A ledger that does not answer hides no upload. */
  private async withStatus(uploads: readonly RecentUploadBody[]): Promise<readonly RecentUploadBody[]> {
    const accepted = uploads.filter(({ outcome }) => outcome === 'accepted');
    const ids = accepted.map((upload) => upload.upload_id);
    if (ids.length === 0) return uploads;
    try {
      const records = await this.ledger.findAll([...new Set(ids)]);
      const statuses = new Map(records.map(({ uploadId, status }) => [uploadId, status]));
      for (const upload of accepted)
        Object.assign(upload, { status: statuses.get(upload.upload_id) ?? null });
      return uploads;
    } catch (error) {
      this.logger.warn({ err: error }, 'it is not known what became of accepted uploads');
      return uploads;
    }
  }
}

/** Is every member as it is wanted, where something is wanted? */
function fits(upload: object, wanted: Readonly<Record<string, string | undefined>>): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => value === undefined || Reflect.get(upload, name) === value,
  );
}

function activeBody(upload: UploadProgress, replicaId: string): ActiveUploadBody {
  return {
    upload_id: upload.uploadId,
    replica_id: replicaId,
    caller: upload.caller,
    protocol: protocolOf(upload),
    phase: upload.phase,
    bytes_received: upload.receivedBytes,
    declared_bytes: upload.declaredBytes ?? null,
    bytes_per_second: upload.bytesPerSecond,
    target: elementOf(upload.target),
    attempt: upload.attempts,
    started_at: new Date(upload.startedAtMs).toISOString(),
  };
}

function recentBody(upload: EndedUpload, replicaId: string): RecentUploadBody {
  return {
    upload_id: upload.uploadId,
    replica_id: replicaId,
    caller: upload.caller,
    protocol: protocolOf(upload),
    outcome: upload.outcome,
    code: upload.code,
    status: null,
    bytes: upload.bytes,
    duration_ms: upload.durationMs,
    target: elementOf(upload.target),
    ended_at: new Date(upload.endedAtMs).toISOString(),
  };
}

/** Metrics call a form by its media type. */
function protocolOf({ protocol }: { readonly protocol: string }): string {
  return protocol === 'multipart' ? 'form' : protocol;
}

function elementOf(target: string | null | undefined): string | null {
  return target?.replace(ELEMENT, '') ?? null;
}
