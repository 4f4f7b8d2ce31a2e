import { Injectable } from '@nestjs/common';
import { uploadIdOfKey } from '../../ingest/upload-id-of-key.js';
import { isAway, UploadHomes } from '../../resumption/upload-homes.service.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import type { UploadExchange } from '../http/upload-exchange.js';
import { TusAnswers } from '../tus/tus-answers.service.js';
import { concatOf } from '../tus/tus-headers.js';
import { relay } from './request-relay.js';
import { wasPassedOn } from '../../peers/via.js';

/**
 * Has the replica answer that has an upload, where each has a spool of its own. The token of the caller goes with the request, and
 * is looked at there as well; no request is passed on twice.
 */
@Injectable()
export class OtherReplicas {
  constructor(
    private readonly homes: UploadHomes,
    private readonly answers: TusAnswers,
  ) {}

  /**
   * Has a request answered by the replica that has its upload, which was not found here; false where nobody has it.
   * @throws REPLICA_UNAVAILABLE while that one is away; QUEUE_UNAVAILABLE, SPOOL_FULL, INTERNAL_ERROR
   */
  async serve(exchange: UploadExchange, uploadId: string): Promise<boolean> {
    return this.passOnTo(await this.homes.elsewhere(uploadId), exchange);
  }

  /**
   * Has an upload created where it belongs: beside its parts, or where one of the same key was created before. @throws as `serve`;
   * VALIDATION_ERROR
   */
  async create(exchange: UploadExchange): Promise<boolean> {
    if (!this.homes.areSeveral) return false;
    const { request, caller } = exchange;
    const key = idempotencyKey(request);
    if (key !== undefined && (await this.createAs(exchange, uploadIdOfKey(caller.subject, key)))) return true;
    const concat = concatOf(request.headers);
    if (concat.kind === 'joined') {
      const [part] = this.answers.uploadIdsIn(concat.urls);
      return part !== undefined && this.createAs(exchange, part);
    }
    return concat.kind === 'part' && this.gather(exchange);
  }

  /** Has an upload created where one of this id is already. @throws as `serve` */
  async createAs(exchange: UploadExchange, uploadId: string): Promise<boolean> {
    return this.passOnTo(await this.homes.createdElsewhere(uploadId), exchange);
  }

  /** All parts that a caller sends are to be in one spool, or they could not be joined. */
  private async gather(exchange: UploadExchange): Promise<boolean> {
    if (wasPassedOn(exchange.request)) return false;
    const address = await this.homes.gathering(exchange.caller.subject);
    return this.passOnTo(address, exchange);
  }

  private async passOnTo(address: string | undefined, exchange: UploadExchange): Promise<boolean> {
    if (address === undefined) return false;
    if (wasPassedOn(exchange.request)) throw isAway('The upload is at another replica.');
    try {
      await relay(exchange, { address, lives: () => this.homes.lives(address) });
    } catch (error) {
      throw isAway('The replica that has the upload does not answer.', error);
    }
    return true;
  }
}
