import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { expect } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { type BadLine, CuttingRelay } from '../support/cutting-relay.js';
import { eventually } from '../support/eventually.js';
import { MIB, randomSource } from '../support/file-bodies.js';
import { inLongRun } from '../support/long-run.js';
import { storedPaths } from '../support/stored-files.js';

export const BREAKS_OFTEN: BadLine = {
  cutAfterBytes: inLongRun(24 * MIB, 1.5 * MIB),
  stallEvery: 3,
  stallMs: 1_000,
};

/** A file in a folder of its own. */
interface FileToUpload {
  readonly folder: string;
  readonly path: string;
  readonly name: string;
  readonly size: number;
  readonly checksum: string;
}

/** The service behind a line that breaks off, and a file that takes several connections. */
export class UploadFixture {
  private constructor(
    readonly running: RunningApp,
    readonly relay: CuttingRelay,
    readonly token: string,
    readonly file: FileToUpload,
  ) {}

  static async start(
    fileName: string,
    variables: Record<string, string> = {},
    line: BadLine = BREAKS_OFTEN,
  ): Promise<UploadFixture> {
    const running = await startApp(variables);
    const relay = await CuttingRelay.to(running.port, line);
    return UploadFixture.of(running, relay, fileName);
  }

  /** The same with a line that leads to the service by way of others. */
  static async behind(
    relay: CuttingRelay,
    fileName: string,
    variables: Record<string, string>,
  ): Promise<UploadFixture> {
    return UploadFixture.of(await startApp(variables), relay, fileName);
  }

  private static async of(
    running: RunningApp,
    relay: CuttingRelay,
    fileName: string,
  ): Promise<UploadFixture> {
    const file = await fileToUpload(fileName, inLongRun(1024 * MIB, 8 * MIB));
    return new UploadFixture(running, relay, await running.token(), file);
  }

  get endpoint(): string {
    return `${this.relay.url}/api/v1/uploads`;
  }

  async close(): Promise<void> {
    await this.relay.close();
    await this.running.close();
    await rm(this.file.folder, { recursive: true });
  }

  async storedFiles(): Promise<number> {
    return (await storedPaths(this.running.dataDir)).filter((path) => path.endsWith('.content')).length;
  }
}

/** Runs an upload that gives where it is; the line is cut meanwhile, and the file is then stored once, and whole. */
export async function expectUploadedOnce(
  uploads: UploadFixture,
  upload: () => Promise<string>,
  fields: Record<string, unknown> = {},
): Promise<void> {
  const before = { cuts: uploads.relay.cuts, files: await uploads.storedFiles() };
  const url = await upload();
  await expectStored(uploads, url, fields);
  expect(uploads.relay.cuts).toBeGreaterThan(before.cuts + 2);
  expect(await uploads.storedFiles()).toBe(before.files + 1);
}

/** The file is stored whole. Where a question was answered with the last offset, nobody has waited for that. */
export async function expectStored(
  { running, token, file }: Pick<UploadFixture, 'running' | 'token' | 'file'>,
  uploadUrl: string,
  fields: Record<string, unknown> = {},
): Promise<void> {
  const path = new URL(uploadUrl).pathname.replace('/uploads/', '/files/');
  await eventually(async () => {
    const answer = await fetch(`${running.url}${path}`, { headers: { Authorization: `Bearer ${token}` } });
    const { size, checksum } = file;
    expect(await answer.json()).toMatchObject({ status: 'active', size, checksum, ...fields });
  });
}

/** Writes a file of random bytes. */
export async function fileToUpload(name: string, size: number): Promise<FileToUpload> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-clients-'));
  const path = join(folder, name);
  const hash = createHash('sha256');
  await pipeline(
    randomSource(size),
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        yield chunk;
      }
    },
    createWriteStream(path),
  );
  return { folder, path, name, size, checksum: hash.digest('hex') };
}
