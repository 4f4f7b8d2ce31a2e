import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, it } from '@jest/globals';
import type { BadLine } from '../support/cutting-relay.js';
import { describeUnless } from '../support/describe-unless.js';
import { MIB } from '../support/file-bodies.js';
import { inLongRun } from '../support/long-run.js';
import { PythonPackage } from '../support/python-package.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { expectUploadedOnce, UploadFixture } from './upload-fixture.js';

const run = promisify(execFile);
const tuspy = new PythonPackage('tuspy', '1.1.0', 'tusclient.client');

/** It opens a connection for each request, and tries each chunk anew: some have to get through. */
const CUTS_SOME: BadLine = { cutAfterBytes: MIB / 2, cutEvery: inLongRun(20, 4) };
const CUTS_ALL: BadLine = { cutAfterBytes: inLongRun(300 * MIB, 1.75 * MIB) };

describeUnless(await tuspy.lack())('the example for tuspy in docs/resumable.md', () => {
  let uploads: UploadFixture;
  const [printed = ''] = examplesOf('tus 1.0', 'With tuspy');
  // Waits are shorter than they are printed. On a busy machine less is through when the line breaks, and it takes more tries.
  const example = printed
    .replace('retry_delay=1,', 'retry_delay=0.05,')
    .replace('retries=10,', 'retries=100,');

  afterEach(() => uploads.close());

  /** Gives what it prints: where the upload is. */
  async function runPython(script: string): Promise<string> {
    const { stdout } = await run('python3', ['-c', exampleAt(uploads.relay.url, script)], {
      cwd: uploads.file.folder,
      env: { ...tuspy.environment, TOKEN: uploads.token },
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
