import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { ReplicasModule } from '../replicas/replicas.module.js';
import { LiveController } from './live.controller.js';
import { LiveFigures } from './live-figures.service.js';
import { LiveSnapshots } from './live-snapshots.service.js';
import { LiveWatchers } from './live-watchers.service.js';
import { PageFiles } from './page-files.service.js';
import { PagesController } from './pages.controller.js';

/** What people look at: the console of operators, with what it shows every second, and a page to upload with. */
@Module({
  imports: [DeliveryModule, ReplicasModule],
  controllers: [LiveController, PagesController],
  providers: [LiveFigures, LiveSnapshots, LiveWatchers, PageFiles],
})
export class ConsoleModule {}
