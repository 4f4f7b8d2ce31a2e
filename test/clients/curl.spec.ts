import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { exampleAt, examplesOf } from './documented-examples.js';
import { expectStored, expectUploadedOnce, UploadFixture } from './upload-fixture.js';

const PROTOCOLS = ['Resumable Uploads for HTTP (IETF)', 'tus 1.0'];
/** Waits are shorter than they are printed. */
const SHORT_WAITS = 'sleep() { command sleep 0.05; }\n';
/** Says where the upload is, on a line of its own. */
const SAY_LOCATION = '\nprintf "\\nLOCATION %s\\n" "$LOCATION"\n';

const version = /^curl (\d+)\.(\d+)/.exec(
  spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout ?? '',
);
const hasCurl = version !== null && Number(version[1]) * 1000 + Number(version[2]) >= 7084;
const describeWithCurl = hasCurl ? describe : describe.skip;

describeWithCurl(
  `the examples for curl in docs/resumable.md${hasCurl ? '' : ' (skipped: they need curl 7.84)'}`,
  () => {
    let uploads: UploadFixture;

    beforeAll(async () => {
      uploads = await UploadFixture.start('a.pdf');
    });
    afterAll(() => uploads.close());

    /** Runs examples one after the other in one shell; gives what they print, and where the upload is. */
    async function run(...examples: string[]): Promise<{ output: string; url: string }> {
      const { stdout } = await promisify(execFile)(
        'bash',
        ['-e', '-c', SHORT_WAITS + examples.join('\n') + SAY_LOCATION],
        { cwd: uploads.file.folder, env: { ...process.env, TOKEN: uploads.token } },
      );
      return { output: stdout, url: /^LOCATION (.*)$/m.exec(stdout)?.[1] ?? '' };
    }

    const fields = { original_filename: 'a.pdf', content_type: 'application/pdf' };

    it.each(PROTOCOLS)('upload a file in pieces: %s', async (protocol) => {
      const [create = '', pieces = '', rest = ''] = examplesOf(protocol, 'With curl');
      const { output, url } = await run(exampleAt(uploads.running.url, create), pieces, rest);
      expect(output).toMatch(/^HTTP\/1.1 204 .*^upload-offset: 600000\r$/ims);
      await expectStored(uploads, url, fields);
    });

    it.each(PROTOCOLS)('upload a file once, and whole, over a line that breaks off: %s', async (protocol) => {
      const [create = '', , loop = ''] = examplesOf(protocol, 'With curl');
      await expectUploadedOnce(
        uploads,
        async () => (await run(exampleAt(uploads.relay.url, create), loop)).url,
        fields,
      );
    });
  },
);
