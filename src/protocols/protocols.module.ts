import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { IngestModule } from '../ingest/ingest.module.js';
import { UploadEvents } from './events/upload-events.service.js';
import { FormProtocol } from './form/form-protocol.service.js';
import { HttpUploadSettings } from './http/http-upload-settings.js';
import { HttpUploads } from './http-uploads.service.js';
import { RawProtocol } from './raw/raw-protocol.service.js';
import { ReceiptsController } from './receipts.controller.js';
import { UploadsController } from './uploads.controller.js';

@Module({
  imports: [DeliveryModule, IngestModule],
  controllers: [UploadsController, ReceiptsController],
  providers: [FormProtocol, HttpUploads, HttpUploadSettings, RawProtocol, UploadEvents],
})
export class ProtocolsModule {}
