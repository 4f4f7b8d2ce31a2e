import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, it } from '@jest/globals';
import type { BadLine } from '../support/cutting-relay.js';
import { describeUnless } from '../support/describe-unless.js';
import { MIB } from '../support/file-bodies.js';
import { inLongRun } from '../support/long-run.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { expectUploadedOnce, UploadFixture } from './upload-fixture.js';

const run = promisify(execFile);
const VERSION = '1.1.0';
const HOME = join(import.meta.dirname, `../../node_modules/.cache/tuspy-${VERSION}`);
const ENVIRONMENT = { ...process.env, PYTHONPATH: HOME };
const PIP_INSTALL = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
const INSTALL_MS = 120_000;

/** It opens a connection for each request, and tries each chunk anew: some have to get through. */
const CUTS_SOME: BadLine = { cutAfterBytes: MIB / 2, cutEvery: inLongRun(20, 4) };
const CUTS_ALL: BadLine = { cutAfterBytes: inLongRun(300 * MIB, 1.75 * MIB) };

describeUnless(await lackOfTuspy())('the example for tuspy in docs/resumable.md', () => {
  let uploads: UploadFixture;
  const [printed = ''] = examplesOf('tus 1.0', 'With tuspy');
  // Waits are shorter than they are printed.
  const example = printed.replace('retry_delay=1,', 'retry_delay=0.05,');

  afterEach(() => uploads.close());

  /** Gives what it prints: where the upload is. */
  async function runPython(script: string): Promise<string> {
    const { stdout } = await run('python3', ['-c', exampleAt(uploads.relay.url, script)], {
      cwd: uploads.file.folder,
      env: { ...ENVIRONMENT, TOKEN: uploads.token },
    });
    return stdout.trim();
  }

  it.each([
    ['with a checksum for each chunk', example, CUTS_SOME],
    [
      'in one request, without a checksum',
      example.replace('chunk_size=1_000_000', 'chunk_size=10**10').replace('=True', '=False'),
      CUTS_ALL,
    ],
  ])('uploads a file once, and whole, over a line that breaks off: %s', async (_, script, line) => {
    uploads = await UploadFixture.start('a.pdf', {}, line);
    await expectUploadedOnce(uploads, () => runPython(script), {
      original_filename: 'a.pdf',
      content_type: 'application/pdf',
    });
  });
});

/** Has pip bring it where it is not here yet. Says why there is none. */
async function lackOfTuspy(): Promise<string | undefined> {
  if (await canImport()) return undefined;
  const folder = `${HOME}.${randomUUID()}`;
  try {
    await run('python3', [...PIP_INSTALL, '--target', folder, `tuspy==${VERSION}`], { timeout: INSTALL_MS });
    await rm(HOME, { recursive: true, force: true });
    await rename(folder, HOME);
  } catch {
    await rm(folder, { recursive: true, force: true });
  }
  return (await canImport()) ? undefined : 'there is no tuspy, and no python3 with pip that could bring it';
}

async function canImport(): Promise<boolean> {
  return run('python3', ['-c', 'import tusclient.client'], { env: ENVIRONMENT }).then(
    () => true,
    () => false,
  );
}
