import { Module } from '@nestjs/common';
import { Database } from './database.service.js';

/** Where is written down what must not be forgotten. */
@Module({ providers: [Database], exports: [Database] })
export class DatabaseModule {}
