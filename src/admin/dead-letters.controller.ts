import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  HttpStatus,
  Logger,
  Param,
  Post,
  Query,
  Res,
  UseInterceptors,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { DeadLetters } from '../delivery/dead-letters.service.js';
import { Redeliveries } from '../delivery/redeliveries.service.js';
import { ServiceError } from '../errors/service-error.js';
import { sendContent } from './dead-letter-content.js';
import { DropOrder, RedeliverAllOrder, RedeliverOrder } from './dead-letter-orders.dto.js';
import { DeadLetterQuery, filterOf } from './dead-letter-query.dto.js';
import {
  type DeadLetterBody,
  type DeadLetterHistoryBody,
  type DeadLetterPageBody,
  historyBody,
  letterBody,
  type RedeliveryBody,
  redeliveryBody,
} from './dead-letter-reports.dto.js';
import {
  ApiContent,
  ApiDeadLetter,
  ApiDeadLetters,
  ApiDrop,
  ApiRedeliver,
  ApiRedeliverAll,
} from './dead-letters.openapi.js';
import { JsonBodyInterceptor } from './json-body.interceptor.js';
import { validatedBody, validatedQuery } from './validated-body.js';

/** Shows operators what could not be delivered, and lets them have it tried again, look into it or give it up. */
@Controller({ path: 'api/dead-letters', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class DeadLettersController {
  private readonly logger = new Logger(DeadLettersController.name);

  constructor(
    private readonly letters: DeadLetters,
    private readonly redeliveries: Redeliveries,
  ) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiDeadLetters()
  async list(@Query(validatedQuery) query: DeadLetterQuery): Promise<DeadLetterPageBody> {
    const page = await this.letters.list(filterOf(query), query.limit, query.cursor);
    return { items: page.letters.map(letterBody), next_cursor: page.nextCursor };
  }

  @Get(':id')
  @Header('Cache-Control', 'no-store')
  @ApiDeadLetter()
  async one(@Param('id') id: string): Promise<DeadLetterHistoryBody> {
    return historyBody(await this.letters.get(idOf(id)));
  }

  @Get(':id/content')
  @ApiContent()
  async content(
    @Param('id') id: string,
    @CurrentCaller() { subject }: Caller,
    @Res() response: Response,
  ): Promise<void> {
    const content = await this.letters.content(idOf(id));
    const { task_id, upload_id } = content.letter;
    const facts = { task_id, upload_id, by: subject };
    this.logger.log(facts, 'the file of a dead letter is downloaded');
    await sendContent(content, response).catch((error: unknown) => {
      // The head is out: the connection breaks off, which is all that can be said of it.
      this.logger.warn({ ...facts, err: error }, 'a download was not finished');
    });
  }

  @Post('redeliver')
  @HttpCode(HttpStatus.ACCEPTED)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiRedeliverAll()
  async redeliverAll(
    @Body(validatedQuery) { filter, ...order }: RedeliverAllOrder,
    @CurrentCaller() { subject: who }: Caller,
  ): Promise<RedeliveryBody> {
    return redeliveryBody(await this.redeliveries.redeliverAll({ ...order, filter: filterOf(filter), who }));
  }

  @Post(':id/redeliver')
  @HttpCode(HttpStatus.ACCEPTED)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiRedeliver()
  async redeliver(
    @Param('id') id: string,
    @Body(validatedBody) { reason }: RedeliverOrder,
    @CurrentCaller() { subject }: Caller,
  ): Promise<DeadLetterBody> {
    return letterBody(await this.redeliveries.redeliver(idOf(id), { who: subject, reason }));
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiDrop()
  async drop(
    @Param('id') id: string,
    @Body(validatedBody) { reason }: DropOrder,
    @CurrentCaller() { subject }: Caller,
  ): Promise<void> {
    await this.letters.drop(idOf(id), { who: subject, reason });
  }
}

/** @throws NOT_FOUND for what cannot be an id. */
function idOf(id: string): string {
  if (!isUuid(id)) throw new ServiceError('NOT_FOUND', 'There is no dead letter with this id.');
  return id.toLowerCase();
}
