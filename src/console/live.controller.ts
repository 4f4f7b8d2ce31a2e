import { Controller, Get, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { EVENT_STREAM } from '../connections/event-stream.js';
import { ApiProtected } from '../errors/problem.openapi.js';
import { LiveWatchers } from './live-watchers.service.js';

const SNAPSHOT = `event: snapshot
data: {"at":"2026-12-01T10:00:00.000Z","replica_id":"…","replicas":[…],"orders":[…],"database_at":"2026-12-01T09:59:59.000Z","queue":{…},"dead_letters":{"total":0,"groups":[]},"transitions":[…]}

`;

/** Tells operators how everything is, while they watch. */
@Controller({ path: 'api/live', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class LiveController {
  constructor(private readonly watchers: LiveWatchers) {}

  @Get()
  @ApiOperation({
    summary: 'How everything is, every second',
    description:
      'Server-sent events, until the token of the request ends. A client that reads too slowly loses snapshots. `queue` and `dead_letters` are null while the database does not answer; `database_at` is when they were read of it.',
  })
  @ApiProduces(EVENT_STREAM)
  @ApiOkResponse({ content: { [EVENT_STREAM]: { schema: { type: 'string' }, example: SNAPSHOT } } })
  @ApiProtected('FORBIDDEN', 'SHUTTING_DOWN', 'BULKHEAD_FULL')
  watch(@CurrentCaller() caller: Caller, @Res() response: Response): void {
    if (response.req.method === 'HEAD') response.type(EVENT_STREAM).end();
    else this.watchers.watch(caller, response);
  }
}
