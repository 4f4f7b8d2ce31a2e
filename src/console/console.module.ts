import { Module } from '@nestjs/common';
import { PageFiles } from './page-files.service.js';
import { PagesController } from './pages.controller.js';

/** What people look at: the console of operators, and a page to upload with. */
@Module({ controllers: [PagesController], providers: [PageFiles] })
export class ConsoleModule {}
