import { Controller, Delete, Get, Header, Headers, HttpStatus, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { EVENT_STREAM } from '../connections/event-stream.js';
import type { Receipt } from '../ingest/receipt.dto.js';
import { ApiCancelUpload, ApiReceipt, ApiUploadEvents } from './receipts.openapi.js';
import { isOver, UploadEvents } from './events/upload-events.service.js';
import { OtherReplicas } from './replicas/other-replicas.service.js';
import { UploadListing } from '../resumption/upload-listing.service.js';
import { UploadReceipts } from '../ingest/upload-receipts.service.js';

/** What became of an upload. Of those who may read, its owner and admins find it. */
@Controller({ path: 'api/files', version: '1' })
@ApiTags('files')
@RequirePermission('files:read')
export class ReceiptsController {
  constructor(
    private readonly receipts: UploadReceipts,
    private readonly events: UploadEvents,
    private readonly unfinished: UploadListing,
    private readonly others: OtherReplicas,
  ) {}

  @Get(':uuid')
  @Header('Cache-Control', 'no-store')
  @ApiReceipt()
  async read(
    @Param('uuid') uuid: string,
    @CurrentCaller() caller: Caller,
    @Req() request: Request,
    @Res() response: Response,
  ): Promise<void> {
    const uploadId = idOf(uuid);
    try {
      response.json(await this.find(uploadId, caller));
    } catch (error) {
      // What is still being received by another replica, only that one knows.
      const isUnknown = error instanceof ServiceError && error.code === 'NOT_FOUND';
      if (!isUnknown || !(await this.others.serve({ request, response, caller }, uploadId))) throw error;
    }
  }

  @Delete(':uuid')
  @Header('Cache-Control', 'no-store')
  @ApiCancelUpload()
  async cancel(
    @Param('uuid') uuid: string,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) response: Response,
  ): Promise<Receipt> {
    const receipt = await this.receipts.cancel(idOf(uuid), caller);
    response.status(receipt.status === 'cancelled' ? HttpStatus.OK : HttpStatus.ACCEPTED);
    return receipt;
  }

  @Get(':uuid/events')
  @ApiUploadEvents()
  async watch(
    @Param('uuid') uuid: string,
    @CurrentCaller() caller: Caller,
    @Headers('last-event-id') lastEventId: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    const { receipt, record } = await this.receipts.find(idOf(uuid), caller);
    const seen = revisionOf(lastEventId);
    if (isOver(record, seen)) {
      // That is how a browser is told not to come back (WHATWG HTML section 9.2.3).
      response.status(HttpStatus.NO_CONTENT).end();
    } else if (response.req.method === 'HEAD') response.type(EVENT_STREAM).end();
    else if (record) await this.events.watch(record, caller, seen, response);
    else this.events.tellOnce(receipt, response);
  }

  /** What is still being received, no storage element and no database knows of. */
  private async find(uploadId: string, caller: Caller): Promise<Receipt> {
    const unfinished = await this.unfinished.receiptOf(uploadId, caller);
    return unfinished ?? (await this.receipts.find(uploadId, caller)).receipt;
  }
}

function idOf(uuid: string): string {
  if (!isUuid(uuid)) throw new ServiceError('NOT_FOUND', 'There is no upload with this id.');
  return uuid.toLowerCase();
}

/** What a client has seen; everything is sent anew to one that says nothing that we can have said. */
function revisionOf(lastEventId = ''): number {
  return /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : 0;
}
