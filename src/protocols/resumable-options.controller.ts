import { Controller, Options, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/public.decorator.js';
import { ResumableOptions } from './resumable/resumable-options.service.js';

/** What uploads that come in several requests can do here. Anybody may know: a client asks before it has a token. */
@Controller({ path: 'api/uploads', version: '1' })
@ApiExcludeController()
@Public()
export class ResumableOptionsController {
  constructor(private readonly options: ResumableOptions) {}

  @Options(['', ':id'])
  describe(@Res() response: Response): void {
    this.options.answer(response);
  }
}
