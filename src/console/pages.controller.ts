import { Controller, Get, Param, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../auth/public.decorator.js';
import type { Environment } from '../config/environment.js';
import { ServiceError } from '../errors/service-error.js';
import type { Page } from '../observability/page.js';
import { PageFiles } from './page-files.service.js';
import { ASSET_HEADERS, documentHeaders } from './page-policy.js';
import { signInSettings } from './sign-in-settings.js';

/** Serves the pages. They hold nothing that is secret: what they show, they ask the API for, with a token. */
@Controller({ version: VERSION_NEUTRAL })
@ApiExcludeController()
@Public()
export class PagesController {
  private readonly documentHeaders: Readonly<Record<string, string>>;

  constructor(
    private readonly pages: PageFiles,
    config: ConfigService<Environment, true>,
  ) {
    this.documentHeaders = documentHeaders(signInSettings(config)?.origins ?? []);
  }

  @Get('console/assets/:hash/*path')
  asset(
    @Param('hash') hash: string,
    @Param('path') path: readonly string[],
    @Res() response: Response,
  ): void {
    const isServed = this.pages.isServed('CONSOLE_ENABLED') || this.pages.isServed('UPLOAD_PAGE_ENABLED');
    send(isServed ? this.pages.asset(hash, path.join('/')) : undefined, ASSET_HEADERS, response);
  }

  /** The view that is shown stands in the path, which the page reads. */
  @Get(['console', 'console/*view'])
  console(@Res() response: Response): void {
    send(
      this.pages.isServed('CONSOLE_ENABLED') ? this.pages.document('console') : undefined,
      this.documentHeaders,
      response,
    );
  }

  @Get()
  upload(@Res() response: Response): void {
    send(
      this.pages.isServed('UPLOAD_PAGE_ENABLED') ? this.pages.document('upload') : undefined,
      this.documentHeaders,
      response,
    );
  }
}

/** @throws NOT_FOUND where there is no page */
function send(page: Page | undefined, headers: Readonly<Record<string, string>>, response: Response): void {
  if (!page) throw new ServiceError('NOT_FOUND', 'There is no such resource.');
  response.set({ 'Content-Type': page.type, ...headers }).send(page.body);
}
