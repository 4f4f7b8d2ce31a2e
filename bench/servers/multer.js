/**
 * What a Nest application does by the book: FileInterceptor with disk storage, then the file is sent on as
 * multipart and deleted. Decorators are applied by hand, because this file is run as it stands.
 */
import { createReadStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { Controller, Module, Post, UploadedFile, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FileInterceptor } from '@nestjs/platform-express';
import { Agent, request } from 'undici';

const sink = process.env.SINK_URL;
const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
const boundary = 'forwarded-0123456789abcdef';

async function* multipart(file) {
  yield Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${file.originalname}"\r\nContent-Type: ${file.mimetype}\r\n\r\n`,
  );
  yield* createReadStream(file.path, { highWaterMark: 1024 * 1024 });
  yield Buffer.from(`\r\n--${boundary}--\r\n`);
}

class UploadController {
  async upload(file) {
    try {
      const answer = await request(`${sink}/api/v1/files/upload`, {
        method: 'POST',
        headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
        body: multipart(file),
        dispatcher,
      });
      return await answer.body.json();
    } finally {
      await unlink(file.path);
    }
  }
}
const method = Object.getOwnPropertyDescriptor(UploadController.prototype, 'upload');
Controller()(UploadController);
Post('/api/v1/files/upload')(UploadController.prototype, 'upload', method);
UseInterceptors(FileInterceptor('file', { dest: process.env.UPLOAD_DIR }))(
  UploadController.prototype,
  'upload',
  method,
);
UploadedFile()(UploadController.prototype, 'upload', 0);

class UploadModule {}
Module({ controllers: [UploadController] })(UploadModule);

const app = await NestFactory.create(UploadModule, { logger: false });
app.getHttpServer().requestTimeout = 0;
await app.listen(Number(process.env.PORT), '127.0.0.1');
