import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeUnless } from '../support/describe-unless.js';
import { lackOfCurl, PROTOCOLS, runCurlExamples } from './curl-examples.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { expectStored, expectUploadedOnce, UploadFixture } from './upload-fixture.js';

const FIELDS = { original_filename: 'a.pdf', content_type: 'application/pdf' };

describeUnless(lackOfCurl)('the examples for curl in docs/resumable.md', () => {
  let uploads: UploadFixture;

  beforeAll(async () => {
    uploads = await UploadFixture.start('a.pdf');
  });
  afterAll(() => uploads.close());

  it.each(PROTOCOLS)('upload a file in pieces: %s', async (protocol) => {
    const [create = '', ...pieces] = examplesOf(protocol, 'With curl');
    const { output, url } = await runCurlExamples(uploads, [
      exampleAt(uploads.running.url, create),
      ...pieces,
    ]);
    expect(output).toMatch(/^HTTP\/1.1 204 .*^upload-offset: 600000\r$/ims);
    await expectStored(uploads, url, FIELDS);
  });

  it.each(PROTOCOLS)('upload a file once, and whole, over a line that breaks off: %s', async (protocol) => {
    const [create = '', , loop = ''] = examplesOf(protocol, 'With curl');
    const examples = [exampleAt(uploads.relay.url, create), loop];
    await expectUploadedOnce(uploads, async () => (await runCurlExamples(uploads, examples)).url, FIELDS);
  });
});
