import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { describeInBrowser, errorsOf, startBrowser } from '../support/browser.js';
import type { PageContent, PageServer } from '../support/page-server.js';
import { exampleAt, examplesOf } from './documented-examples.js';
import { expectUploadedOnce, UploadFixture } from './upload-fixture.js';
import { CHOOSE_FILE, PAGE_SCRIPT, SENT_AGAIN, serveUploadPage, UPLOAD_PAGE } from './upload-page.js';

const UPLOADS = { file: join(import.meta.dirname, 'page/uploads.js') };
const RETRY_DELAYS = Array.from({ length: 200 }, () => 50);
const NEVER_MS = 3_600_000;

interface TusUpload {
  readonly url: string;
  readonly methods: readonly string[];
}

describeInBrowser('Chromium, on a page of another origin, over a line that breaks off', () => {
  let pages: PageServer;
  let uploads: UploadFixture;
  let browser: Browser;
  let page: Page;
  let errors: string[];

  beforeAll(async () => {
    pages = await serveUploadPage();
    uploads = await UploadFixture.start('film.mp4', { CORS_ORIGINS: pages.origin });
    browser = await startBrowser();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    errors = errorsOf(page, SENT_AGAIN);
  });
  afterEach(async () => {
    await page.close();
  });
  afterAll(async () => {
    await browser.close();
    await uploads.close();
    await pages.close();
  });

  /** Opens the page with a script, and chooses the file. */
  async function open(script: PageContent): Promise<void> {
    pages.put(PAGE_SCRIPT, script);
    await page.goto(pages.origin + UPLOAD_PAGE);
    await page.waitForFunction('globalThis.isReady');
    await page.setInputFiles('input', uploads.file.path);
  }

  /** Opens the page, and calls a function of its script with what each client is told. */
  async function run<T>(name: string, options: object, ...more: unknown[]): Promise<T> {
    await open(UPLOADS);
    const all = {
      endpoint: uploads.endpoint,
      headers: { Authorization: `Bearer ${uploads.token}` },
      retryDelays: RETRY_DELAYS,
      ...options,
    };
    const given = [all, ...more].map((value) => JSON.stringify(value));
    return page.evaluate(`${name}(${given.join(', ')})`);
  }

  async function expectWithoutErrors(
    upload: () => Promise<string>,
    fields: Record<string, unknown> = {},
  ): Promise<void> {
    await expectUploadedOnce(uploads, upload, fields);
    expect(errors).toEqual([]);
  }

  it.each<[string, object]>([
    ['as it is', {}],
    ['in four parts side by side', { parallelUploads: 4 }],
    ['with the first bytes in its creation', { uploadDataDuringCreation: true, chunkSize: 1_000_000 }],
  ])('uploads a file once, and whole, by tus-js-client %s', async (_, options) => {
    await expectWithoutErrors(async () => (await run<TusUpload>('uploadByTus', options)).url, {
      original_filename: uploads.file.name,
      content_type: 'video/mp4',
    });
  });

  it.each<[string, object]>([
    ['draft 05', { protocol: 'ietf-draft-05' }],
    ['draft 03, in chunks', { protocol: 'ietf-draft-03', chunkSize: 1_000_000 }],
  ])("uploads a file once, and whole, by tus-js-client and the IETF's %s", async (_, options) => {
    await expectWithoutErrors(async () => (await run<TusUpload>('uploadByTus', options)).url);
  });

  it('goes on with its upload after the page was loaded anew', async () => {
    await expectWithoutErrors(async () => {
      const begun = await run<string>('uploadUntilBroken', { retryDelays: [NEVER_MS] });
      const { url, methods } = await run<TusUpload>('uploadByTus', {}, true);
      expect(url).toBe(begun);
      expect(methods[0]).toBe('HEAD');
      expect(methods).not.toContain('POST');
      return url;
    });
  });

  it('uploads a file once, and whole, by Uppy', async () => {
    await expectWithoutErrors(
      async () => {
        const events = await run<[string, ...unknown[]][]>('uploadByUppy', {});
        expect(events).toEqual([
          ['upload-success', expect.any(String)],
          ['complete', 1, 0],
        ]);
        return String(events[0]?.[1]);
      },
      { original_filename: uploads.file.name, content_type: 'video/mp4' },
    );
  });

  it.each(['tus-js-client', 'Uppy'])('runs the example for %s in docs/resumable.md', async (client) => {
    const [printed = ''] = examplesOf('tus 1.0', `With ${client}`);
    const example = exampleAt(uploads.relay.url, printed);
    const isComplete = page.waitForEvent('console', {
      predicate: (message) => message.text().startsWith('Complete: ') || errors.length > 0,
      timeout: 0,
    });
    await expectWithoutErrors(
      async () => {
        await open({ text: `const token = '${uploads.token}';\n${CHOOSE_FILE}\n${example}` });
        const told = await isComplete;
        expect(errors).toEqual([]);
        return told.text().slice('Complete: '.length);
      },
      { original_filename: uploads.file.name, content_type: 'video/mp4' },
    );
  });
});
