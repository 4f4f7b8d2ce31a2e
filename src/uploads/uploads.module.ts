import { Module } from '@nestjs/common';
import { DeliveryModule } from '../delivery/delivery.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { InFlightUploads } from './in-flight-uploads.service.js';
import { ReceiptsController } from './receipts.controller.js';
import { StoredFileLookups } from './stored-file-lookups.service.js';
import { UploadAdmission } from './upload-admission.service.js';
import { UploadEntrance } from './upload-entrance.service.js';
import { UploadEvents } from './upload-events.service.js';
import { UploadIntake } from './upload-intake.service.js';
import { UploadPlacement } from './upload-placement.service.js';
import { UploadReceipts } from './upload-receipts.service.js';
import { UploadRepeats } from './upload-repeats.service.js';
import { UploadSettings } from './upload-settings.js';
import { UploadsController } from './uploads.controller.js';
import { UploadsService } from './uploads.service.js';

@Module({
  imports: [DeliveryModule, StorageModule],
  controllers: [UploadsController, ReceiptsController],
  providers: [
    InFlightUploads,
    StoredFileLookups,
    UploadAdmission,
    UploadEntrance,
    UploadEvents,
    UploadIntake,
    UploadPlacement,
    UploadReceipts,
    UploadRepeats,
    UploadSettings,
    UploadsService,
  ],
  exports: [InFlightUploads],
})
export class UploadsModule {}
