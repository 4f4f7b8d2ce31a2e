import { Module } from '@nestjs/common';
import { StorageModule } from '../storage/storage.module.js';
import { ContentHashService } from './content-hash.service.js';
import { InFlightUploads } from './in-flight-uploads.service.js';
import { UploadAdmission } from './upload-admission.service.js';
import { UploadEntrance } from './upload-entrance.service.js';
import { UploadIntake } from './upload-intake.service.js';
import { UploadSettings } from './upload-settings.js';
import { UploadsController } from './uploads.controller.js';
import { UploadsService } from './uploads.service.js';

@Module({
  imports: [StorageModule],
  controllers: [UploadsController],
  providers: [
    ContentHashService,
    InFlightUploads,
    UploadAdmission,
    UploadEntrance,
    UploadIntake,
    UploadSettings,
    UploadsService,
  ],
  exports: [InFlightUploads],
})
export class UploadsModule {}
