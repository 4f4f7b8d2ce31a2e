import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { type AcceptingService, startAccepting } from '../support/accepted-service.js';
import { describeUnless } from '../support/describe-unless.js';
import { eventually } from '../support/eventually.js';
import { onlyStoredContent } from '../support/stored-files.js';
import {
  BREAKS_ONCE,
  clientExamples,
  type ExampleGround,
  printedId,
  requests,
  runNode,
  runPython,
  runShell,
} from './client-examples.js';
import { lackOfCurl } from './curl-examples.js';
import { expectStored, UploadFixture } from './upload-fixture.js';

type Run = (ground: ExampleGround, script: string) => Promise<string>;

const FORM = 'A form';
const RETRY = 'An id of your own, and a retry';
const CLIENTS: readonly [client: string, run: Run, lack: string | undefined][] = [
  ['curl', runShell, lackOfCurl],
  ['Node', runNode, undefined],
  ['Python', runPython, await requests.lack()],
];

for (const [client, run, lack] of CLIENTS) {
  describeUnless(lack)(`the examples for ${client} in docs/clients.md`, () => {
    it('upload a form', async () => {
      await withUploads(async (uploads, ground) => {
        const [example = ''] = clientExamples(ground.origin, client, FORM);
        await expectUploaded(uploads, await run(ground, example), {
          original_filename: 'a.pdf',
          content_type: 'application/pdf',
          description: 'Report of May',
          tags: ['report'],
        });
      });
    });

    it('upload a file once, over a line that breaks off', async () => {
      await withUploads(async (uploads, ground) => {
        const [example = ''] = clientExamples(uploads.relay.url, client, RETRY);
        const fields = { original_filename: 'a.pdf', content_type: 'application/pdf' };
        await expectUploaded(uploads, await run(ground, example), fields);
        expect(uploads.relay.cuts).toBe(1);
        expect(await uploads.storedFiles()).toBe(1);
      });
    });

    it('wait for a file that is accepted, until it is stored', async () => {
      await withAccepting(async (service, ground) => {
        const waits =
          client === 'curl' ? clientExamples(ground.origin, client, 'Wait until it is stored') : [];
        const upload = clientExamples(ground.origin, client, RETRY);
        const done = run(ground, [...upload, ...waits].join('\n'));
        await eventually(async () => expect(await service.spooled()).not.toEqual([]));
        service.element.options.fault = undefined;
        const id = printedId(await done);
        expect(await service.untilStatus(id, 'active')).toMatchObject({ size: 6 });
        expect(service.element.files.size).toBe(1);
      });
    });
  });
}

describe('the examples for Node in docs/clients.md', () => {
  it('upload what is made while it is sent', async () => {
    await withUploads(async ({ running, file }, ground) => {
      const [example = ''] = clientExamples(ground.origin, 'Node', 'A stream');
      printedId(await runNode(ground, example));
      const stored = await onlyStoredContent(running.dataDir);
      expect(gunzipSync(stored).equals(await readFile(file.path))).toBe(true);
    });
  });

  it('upload a file by tus-js-client, over a line that breaks off', async () => {
    await withUploads(async (uploads, ground) => {
      const [example = ''] = clientExamples(uploads.relay.url, 'Node', 'Resumable');
      await expectUploaded(uploads, await runNode(ground, example), { original_filename: 'a.pdf' });
      expect(uploads.relay.cuts).toBe(1);
    });
  });
});

async function withUploads(
  work: (uploads: UploadFixture, ground: ExampleGround) => Promise<void>,
): Promise<void> {
  const uploads = await UploadFixture.start('a.pdf', {}, BREAKS_ONCE);
  const { running, token, file } = uploads;
  try {
    await work(uploads, { origin: running.url, token, folder: file.folder });
  } finally {
    await uploads.close();
  }
}

/** A service that accepts a file of six bytes, since its element is down. */
async function withAccepting(
  work: (service: AcceptingService, ground: ExampleGround) => Promise<void>,
): Promise<void> {
  const service = await startAccepting();
  const folder = await mkdtemp(join(tmpdir(), 'ingester-clients-'));
  try {
    await writeFile(join(folder, 'a.pdf'), 'a file');
    await work(service, { origin: service.running.url, token: await service.running.token(), folder });
  } finally {
    await service.close();
    await rm(folder, { recursive: true });
  }
}

async function expectUploaded(
  uploads: UploadFixture,
  output: string,
  fields: Record<string, unknown>,
): Promise<void> {
  await expectStored(uploads, `${uploads.running.url}/api/v1/files/${printedId(output)}`, fields);
}
