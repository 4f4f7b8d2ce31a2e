import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CuttingRelay } from '../support/cutting-relay.js';
import { describeUnless } from '../support/describe-unless.js';
import { MIB } from '../support/file-bodies.js';
import { inLongRun } from '../support/long-run.js';
import { freePort } from '../support/postgres-server.js';
import { lackOfHttp2, PROTOCOLS, runCurlExamples } from './curl-examples.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { CADDY, lackOf, NGINX, type RunningProxy, startProxy } from './proxies.js';
import {
  BREAKS_OFTEN,
  expectStored,
  expectUploadedOnce,
  fileToUpload,
  UploadFixture,
} from './upload-fixture.js';

/** The certificate is nobody's. Whatever says nothing of itself says its version of HTTP. */
const CURLRC = String.raw`insecure
write-out = "\nHTTP %{http_version}\n"
`;
const ROOT = join(import.meta.dirname, '../..');
/** 1 GiB takes 20 s where all of it is on two cores. */
const LARGE_MIB = inLongRun(1024, 128);
const FIELDS = { original_filename: 'a.pdf', content_type: 'application/pdf' };

for (const program of [NGINX, CADDY]) {
  describeUnless(lackOfHttp2 ?? lackOf(program))(`the sample for ${program.name} in deploy/proxies`, () => {
    let proxy: RunningProxy;
    let proxyPort: number;
    let uploads: UploadFixture;

    beforeAll(async () => {
      const from = await freePort();
      const relay = await CuttingRelay.to(from, BREAKS_OFTEN);
      uploads = await UploadFixture.behind(relay, 'a.pdf', { PUBLIC_URL: secure(relay.url) });
      proxyPort = from;
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

    it(`passes ${LARGE_MIB} MiB on in one request over HTTP/2`, async () => {
      const file = await fileToUpload('large.bin', LARGE_MIB * MIB);
      const url = `https://127.0.0.1:${proxyPort}/api/v1/files/${randomUUID()}`;
      const type = ['-H', 'Content-Type: application/octet-stream'];
      const sent = promisify(execFile)(
        'curl',
        ['-sS', '-H', `Authorization: Bearer ${uploads.token}`, ...type, '-T', file.path, url],
        {
          env: { ...process.env, CURL_HOME: uploads.file.folder },
        },
      );
      try {
        expect((await sent).stdout).toMatch(/"status":"active".*HTTP 2$/ms);
        await expectStored({ running: uploads.running, token: uploads.token, file }, url);
      } finally {
        await rm(file.folder, { recursive: true });
      }
    });
  });
}

describe('docs/proxies.md', () => {
  const page = readFileSync(join(ROOT, 'docs/proxies.md'), 'utf8');

  it.each([
    ['nginx', 'nginx.conf'],
    ['caddyfile', 'Caddyfile'],
  ])('shows the sample for %s as it is', (language, file) => {
    const sample = readFileSync(join(ROOT, 'deploy/proxies', file), 'utf8');
    const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
    expect(blocks.filter(([, name]) => name === language).map(([, , text]) => text)).toEqual([sample]);
  });

  it.each(['nginx.conf', 'Caddyfile'])('says what each setting of %s is for', (file) => {
    const sample = readFileSync(join(ROOT, 'deploy/proxies', file), 'utf8');
    const settings = [...sample.matchAll(/^\s+([a-z_0-9]+) (?!.*\{$)/gm)].map(([, name = '']) => name);
    const told = page.replaceAll(/^```.*?^```$/gms, '');
    expect(settings.length).toBeGreaterThan(0);
    expect(settings.filter((name) => !new RegExp(`\`${name}\\b`).test(told))).toEqual([]);
  });
});

function secure(url: string): string {
  return url.replace('http:', 'https:');
}
