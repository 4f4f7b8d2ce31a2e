/**
 * What a Nest application that stores to disk does by the book: a guard of passport-jwt, FileInterceptor with disk
 * storage, then SHA-256 of the file, and file and folder are synced. Decorators are applied by hand, because this file
 * is run as it stands.
 */
import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { createReadStream, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Controller, Module, Post, UploadedFile, UseGuards, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { FileInterceptor } from '@nestjs/platform-express';
import { ExtractJwt, Strategy } from 'passport-jwt';

class TokenStrategy extends PassportStrategy(Strategy) {
  constructor() {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKey: readFileSync(process.env.JWT_PUBLIC_KEY_FILE, 'utf8'),
      algorithms: ['RS256'],
      issuer: process.env.JWT_ISSUER,
      audience: process.env.JWT_AUDIENCE,
    });
  }

  validate(claims) {
    return claims;
  }
}

async function sync(path) {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class UploadController {
  async upload(file) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file.path), hash);
    await sync(file.path);
    await sync(file.destination);
    return { file_id: file.filename, file_size: file.size, checksum: hash.digest('hex') };
  }
}
const { prototype } = UploadController;
const method = Object.getOwnPropertyDescriptor(prototype, 'upload');
Controller()(UploadController);
Post('/api/v1/files/upload')(prototype, 'upload', method);
UseGuards(AuthGuard('jwt'))(prototype, 'upload', method);
UseInterceptors(FileInterceptor('file', { dest: process.env.UPLOAD_DIR }))(prototype, 'upload', method);
UploadedFile()(prototype, 'upload', 0);

class UploadModule {}
Module({ controllers: [UploadController], providers: [TokenStrategy] })(UploadModule);

const app = await NestFactory.create(UploadModule, { logger: false });
app.getHttpServer().requestTimeout = 0;
await app.listen(Number(process.env.PORT), '127.0.0.1');
