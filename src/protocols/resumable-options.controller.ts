import { Controller, Options, Param, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { validate as isUuid } from 'uuid';
import { Public } from '../auth/public.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { ApiResumableFileOptions, ApiResumableOptions, ApiUploadId } from './resumable.openapi.js';
import { ResumableOptions } from './resumable/resumable-options.service.js';

/** What uploads that come in several requests can do here. Anybody may know: a client asks before it has a token. */
@Controller({ path: 'api', version: '1' })
@ApiTags('uploads')
@Public()
export class ResumableOptionsController {
  constructor(private readonly options: ResumableOptions) {}

  @Options('uploads')
  @ApiResumableOptions()
  describe(@Res() response: Response): void {
    this.options.answer(response);
  }

  @Options('uploads/:id')
  @ApiUploadId()
  @ApiResumableOptions()
  describeUpload(@Res() response: Response): void {
    this.options.answer(response);
  }

  /** A raw upload may become one that comes in several requests. */
  @Options('files/:uuid')
  @ApiResumableFileOptions()
  describeFile(@Res() response: Response, @Param('uuid') uuid: string): void {
    if (!isUuid(uuid)) throw new ServiceError('NOT_FOUND', 'There is no such resource.');
    this.options.answerForFile(response);
  }
}
