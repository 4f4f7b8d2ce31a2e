import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { startAccepting } from '../support/accepted-service.js';
import { describeInBrowser, errorsOf, startBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import type { PageServer } from '../support/page-server.js';
import { BREAKS_ONCE, clientExamples, printedId } from './client-examples.js';
import { expectStored, UploadFixture } from './upload-fixture.js';
import { CHOOSE_FILE, PAGE_SCRIPT, SENT_AGAIN, serveUploadPage, UPLOAD_PAGE } from './upload-page.js';

/** Names that ask for care: of RFC 8187, and of forms. */
const NAME = "it's (50 %) ä*.bin";

const PATIENCE_MS = 55_000;

describeInBrowser('the examples for browsers in docs/clients.md, in Chromium', () => {
  let pages: PageServer;
  let browser: Browser;
  let page: Page;
  let errors: string[];
  let told: string[];

  beforeAll(async () => {
    pages = await serveUploadPage();
    browser = await startBrowser();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    errors = errorsOf(page, SENT_AGAIN);
    told = [];
    page.on('console', (message) => told.push(message.text()));
  });
  afterEach(() => page.close());
  afterAll(async () => {
    await browser.close();
    await pages.close();
  });

  /** Runs examples on a page, after a file was chosen; gives the line that begins with one of these words. */
  async function runExamples(
    token: string,
    examples: readonly string[],
    path: string,
    end: RegExp,
  ): Promise<string> {
    pages.put(PAGE_SCRIPT, { text: [`const token = '${token}';`, CHOOSE_FILE, ...examples].join('\n') });
    await page.goto(pages.origin + UPLOAD_PAGE);
    await page.waitForFunction('globalThis.isReady');
    await page.setInputFiles('input', path);
    // A try that meets the one before waits as long as it is told to.
    await eventually(
      async () => expect([...told, ...errors].some((line) => end.test(line))).toBe(true),
      PATIENCE_MS,
    );
    expect(errors).toEqual([]);
    return told.find((line) => end.test(line)) ?? '';
  }

  it('upload a file once, over a line that breaks off, and tell how far it is', async () => {
    const uploads = await UploadFixture.start(NAME, { CORS_ORIGINS: pages.origin }, BREAKS_ONCE);
    try {
      const examples = clientExamples(uploads.relay.url, 'Browser', 'A file with its progress');
      const end = await runExamples(uploads.token, examples, uploads.file.path, /^Stored: |Error/);
      await expectStored(uploads, `${uploads.running.url}/api/v1/files/${printedId(end)}`, {
        original_filename: NAME,
      });
      expect(uploads.relay.cuts).toBe(1);
      expect(await uploads.storedFiles()).toBe(1);
      const parts = told.filter((line) => line.endsWith(' %')).map((line) => Number.parseInt(line, 10));
      expect(parts.length).toBeGreaterThan(1);
      expect(parts.at(-1)).toBe(100);
    } finally {
      await uploads.close();
    }
  }, 90_000);

  it('tell that a file is safe, and when it is stored', async () => {
    const service = await startAccepting({ CORS_ORIGINS: pages.origin });
    try {
      const { url } = service.running;
      const upload = clientExamples(url, 'Browser', 'A file with its progress');
      const wait = clientExamples(url, 'Browser', 'Wait until it is stored');
      const isSafe = eventually(async () => {
        expect(told.some((line) => line.startsWith('Safe, and stored later: '))).toBe(true);
        service.element.options.fault = undefined;
      });
      const examples = [...upload, 'const id = receipt.upload_id;', ...wait];
      const token = await service.running.token();
      expect(await runExamples(token, examples, import.meta.filename, /^It is |Error/)).toBe('It is active');
      await isSafe;
      expect(service.element.files.size).toBe(1);
    } finally {
      await service.close();
    }
  });
});
