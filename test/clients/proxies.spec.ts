import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CuttingRelay } from '../support/cutting-relay.js';
import { describeUnless } from '../support/describe-unless.js';
import { freePort } from '../support/postgres-server.js';
import { lackOfHttp2, PROTOCOLS, runCurlExamples } from './curl-examples.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { CADDY, lackOf, NGINX, type RunningProxy, startProxy } from './proxies.js';
import { BREAKS_OFTEN, expectUploadedOnce, UploadFixture } from './upload-fixture.js';

/** The certificate is nobody's. Whatever says nothing of itself says its version of HTTP. */
const CURLRC = String.raw`insecure
write-out = "\nHTTP %{http_version}\n"
`;
const FIELDS = { original_filename: 'a.pdf', content_type: 'application/pdf' };

for (const program of [NGINX, CADDY]) {
  describeUnless(lackOfHttp2 ?? lackOf(program))(`the sample for ${program.name} in deploy/proxies`, () => {
    let proxy: RunningProxy;
    let uploads: UploadFixture;

    beforeAll(async () => {
      const from = await freePort();
      const relay = await CuttingRelay.to(from, BREAKS_OFTEN);
      uploads = await UploadFixture.behind(relay, 'a.pdf', { PUBLIC_URL: secure(relay.url) });
      proxy = await startProxy(program, { from, to: uploads.running.port });
      await writeFile(join(uploads.file.folder, '.curlrc'), CURLRC);
    });
    afterAll(async () => {
      await proxy.close();
      await uploads.close();
    });

    it.each(PROTOCOLS)('lets an upload over HTTP/2 go on where the line broke: %s', async (protocol) => {
      const [create = '', , loop = ''] = examplesOf(protocol, 'With curl');
      const examples = [exampleAt(secure(uploads.relay.url), create), loop];
      const variables = { CURL_HOME: uploads.file.folder };
      await expectUploadedOnce(
        uploads,
        async () => {
          const { output, url } = await runCurlExamples(uploads, examples, variables);
          expect(output).toMatch(/^HTTP 2$/m);
          return url;
        },
        FIELDS,
      );
    });
  });
}

function secure(url: string): string {
  return url.replace('http:', 'https:');
}
