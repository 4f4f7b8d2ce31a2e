import { Injectable, Logger } from '@nestjs/common';
import type { Request } from 'express';
import { request as ask } from 'undici';
import type { Caller } from '../../auth/caller.js';
import { UploadHomes } from '../../resumption/upload-homes.service.js';
import {
  type ListedUpload,
  UploadListing,
  type UploadPage,
} from '../../resumption/upload-listing.service.js';
import { targetOf } from '../../peers/request-target.js';
import { viaUs, wasPassedOn } from '../../peers/via.js';

/** A list of uploads is worth no longer wait. */
const PATIENCE_MS = 5_000;

/** What is asked of a list. */
export interface ListQuery {
  /** The id before the first one; empty: from the beginning. */
  readonly after: string;
  readonly limit: number;
}

/** Part of a list over all replicas. */
export interface WholePage extends UploadPage {
  /** Replicas with a spool of their own whose uploads are missing here, where there are some. */
  readonly replicas_away?: number;
}

/** Lists the uploads that are not complete, in the spools of all replicas. */
@Injectable()
export class UploadLists {
  private readonly logger = new Logger(UploadLists.name);

  constructor(
    private readonly listing: UploadListing,
    private readonly homes: UploadHomes,
  ) {}

  /** @throws QUEUE_UNAVAILABLE, INTERNAL_ERROR */
  async list(request: Request, caller: Caller, query: ListQuery): Promise<WholePage> {
    const mine = await this.listing.list(caller, query.after, query.limit);
    if (wasPassedOn(request)) return mine;
    const others = await this.homes.others();
    const theirs = await Promise.all(others.living.map((address) => this.pageOf(request, address)));
    const pages = [mine, ...theirs.filter((page) => page !== undefined)];
    const away = others.away + theirs.filter((page) => page === undefined).length;
    return { ...merged(pages, query.limit), ...(away > 0 && { replicas_away: away }) };
  }

  private async pageOf(request: Request, address: string): Promise<UploadPage | undefined> {
    try {
      const { statusCode, body } = await ask(`${address}${targetOf(request)}`, {
        headers: { authorization: request.headers.authorization, via: viaUs(request) },
        headersTimeout: PATIENCE_MS,
        bodyTimeout: PATIENCE_MS,
      });
      const page = await body.json();
      if (statusCode === 200 && isPage(page)) return page;
      throw new Error(`It was answered with ${statusCode}`);
    } catch (error) {
      this.logger.warn({ err: error }, 'another replica does not say which uploads it has');
      return undefined;
    }
  }
}

/** The first of several pages that begin at the same id. Behind the end of one of them it may have more. */
function merged(pages: readonly UploadPage[], limit: number): UploadPage {
  const [end] = pages.flatMap(({ next }) => next ?? []).toSorted();
  const all = pages
    .flatMap(({ uploads }) => uploads)
    .filter(({ upload_id: uploadId }) => end === undefined || uploadId <= end)
    .toSorted(byId);
  if (all.length <= limit) return { uploads: all, next: end ?? null };
  const uploads = all.slice(0, limit);
  return { uploads, next: uploads.at(-1)?.upload_id ?? null };
}

function byId(a: ListedUpload, b: ListedUpload): number {
  return a.upload_id < b.upload_id ? -1 : 1;
}

function isPage(value: unknown): value is UploadPage {
  return typeof value === 'object' && value !== null && 'uploads' in value && Array.isArray(value.uploads);
}
