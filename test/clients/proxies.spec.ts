import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CuttingRelay } from '../support/cutting-relay.js';
import { freePort } from '../support/postgres-server.js';
import { hasCurlWithHttp2, PROTOCOLS, runCurlExamples } from './curl-examples.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { CADDY, isInstalled, NGINX, type RunningProxy, startProxy } from './proxies.js';
import { BREAKS_OFTEN, expectUploadedOnce, UploadFixture } from './upload-fixture.js';

/** The certificate is nobody's. Whatever says nothing of itself says its version of HTTP. */
const CURLRC = String.raw`insecure
write-out = "\nHTTP %{http_version}\n"
`;
const FIELDS = { original_filename: 'a.pdf', content_type: 'application/pdf' };

describe.each([NGINX, CADDY])('the sample for $name in deploy/proxies', (program) => {
  const canRun = hasCurlWithHttp2 && isInstalled(program);
  const itWithProxy = canRun ? it : it.skip;
  let proxy: RunningProxy;
  let uploads: UploadFixture;

  beforeAll(async () => {
    if (!canRun) return;
    const from = await freePort();
    const relay = await CuttingRelay.to(from, BREAKS_OFTEN);
    const publicUrl = relay.url.replace('http:', 'https:');
    uploads = await UploadFixture.behind(relay, 'a.pdf', { PUBLIC_URL: publicUrl });
    proxy = await startProxy(program, { from, to: uploads.running.port });
    await writeFile(join(uploads.file.folder, '.curlrc'), CURLRC);
  });
  afterAll(async () => {
    if (!canRun) return;
    await proxy.close();
    await uploads.close();
  });

  itWithProxy.each(PROTOCOLS)(
    `lets an upload over HTTP/2 go on where the line broke${canRun ? '' : ' (skipped: needs it, and curl with HTTP/2)'}: %s`,
    async (protocol) => {
      const [create = '', , loop = ''] = examplesOf(protocol, 'With curl');
      const examples = [exampleAt(uploads.relay.url.replace('http:', 'https:'), create), loop];
      const home = { CURL_HOME: uploads.file.folder };
      await expectUploadedOnce(
        uploads,
        async () => {
          const { output, url } = await runCurlExamples(uploads, examples, home);
          expect(output).toMatch(/^HTTP 2$/m);
          return url;
        },
        FIELDS,
      );
    },
  );
});
