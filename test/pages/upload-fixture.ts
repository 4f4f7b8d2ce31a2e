import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Browser, CDPSession, Locator, Page } from 'playwright-core';
import { errorsOf, startBrowser } from '../support/browser.js';
import { CuttingRelay } from '../support/cutting-relay.js';
import { eventually } from '../support/eventually.js';
import { MIB } from '../support/file-bodies.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer, type UploadFault } from '../support/storage-element-server.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';

export const MAX_FILE_BYTES = 9 * MIB;

/** What an element says that is down. */
export const DOWN: UploadFault = { kind: 'answer', status: 500 };

/** A browser tells by itself of answers that say no. */
const REFUSALS = /the server responded with a status of (400|401|404|409|413|415|5\d\d)/;

interface ChosenFile {
  readonly name: string;
  readonly buffer: Buffer;
}

/** A file of bytes that have no signature; a browser takes its type from its name. */
export function fileOf(name: string, size: number): ChosenFile {
  const line = createHash('sha256').update(name).digest('hex');
  return { name, buffer: Buffer.alloc(size, `${line}\n`) };
}

/** The built service with one storage element, behind a line that can be cut, and a browser on its upload page. */
export class UploadPageFixture {
  /** How the line treats connections from now on; it holds until a test says otherwise. */
  readonly line = { cutAfterBytes: Infinity };
  page!: Page;
  private errors: string[] = [];
  private foreign: string[] = [];
  private network: CDPSession | undefined;

  private constructor(
    readonly element: StorageElementServer,
    private readonly service: ServiceProcess,
    private readonly keys: TestKeys,
    private readonly folder: string,
  ) {}

  relay!: CuttingRelay;
  private browser!: Browser;

  static async start(): Promise<UploadPageFixture> {
    const element = await StorageElementServer.start();
    const keys = await createTestKeys();
    const folder = await mkdtemp(join(tmpdir(), 'ingester-upload-page-'));
    const starting = startBrowser();
    const service = await startServiceProcess({
      NODE_ENV: 'test',
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
      JWT_CLOCK_TOLERANCE_MS: '0',
      STORAGE_ELEMENTS: JSON.stringify([
        { id: 'se-1', driver: 'http', url: element.url, mode: 'edit', priority: 1 },
      ]),
      STORAGE_RETRY_ATTEMPTS: '1',
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1000',
      DELIVERY_BACKOFF_BASE_MS: '200',
      DELIVERY_BACKOFF_MAX_MS: '400',
      DELIVERY_MAX_ATTEMPTS: '1000',
      SPOOL_MIN_FREE_BYTES: '0',
      MAX_FILE_BYTES: String(MAX_FILE_BYTES),
      ALLOWED_MEDIA_TYPES: 'text/plain,application/octet-stream',
    });
    const fixture = new UploadPageFixture(element, service, keys, folder);
    fixture.browser = await starting;
    fixture.relay = await CuttingRelay.to(await service.port(), fixture.line);
    return fixture;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.relay.close();
    await this.service.dispose();
    await this.element.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  token(secondsLeft = 3600): Promise<string> {
    return this.keys.sign({ exp: Math.floor(Date.now() / 1000) + secondsLeft });
  }

  /** Opens the page anew, with a line and an element that are well. */
  async open(): Promise<void> {
    this.line.cutAfterBytes = Infinity;
    this.element.options.fault = undefined;
    const context = await this.browser.newContext();
    this.page = await context.newPage();
    this.errors = errorsOf(this.page, REFUSALS);
    this.foreign = [];
    this.page.on('request', (request) => {
      if (!request.url().startsWith(this.relay.url)) this.foreign.push(request.url());
    });
    this.network = undefined;
    await this.page.goto(this.relay.url);
  }

  /** Closes the page, and gives what went wrong in it, and what it asked others for. */
  async closePage(): Promise<{ readonly errors: string[]; readonly foreign: string[] }> {
    await this.page.context().close();
    return { errors: this.errors, foreign: this.foreign };
  }

  async useToken(token: string): Promise<void> {
    await this.page.getByLabel('Access token', { exact: true }).and(this.page.locator('input')).fill(token);
    await this.page.getByRole('button', { name: 'Use token' }).click();
  }

  async choose(...files: readonly ChosenFile[]): Promise<void> {
    await this.page.setInputFiles('#files', await this.pathsOf(files));
  }

  /** Where files are for a browser to open: to hand their bytes over takes far longer. */
  pathsOf(files: readonly ChosenFile[]): Promise<string[]> {
    return Promise.all(
      files.map(async ({ name, buffer }) => {
        const path = join(this.folder, name);
        await writeFile(path, buffer);
        return path;
      }),
    );
  }

  /** What is said of files only resumable uploads carry: so small ones are sent by one as well. */
  async describeFiles(): Promise<void> {
    await this.page.getByText('Description and retention').click();
    await this.page.getByLabel('Description', { exact: true }).fill('a report');
  }

  /** Sends no faster than that from now on. */
  async slowDown(bytesPerSecond: number): Promise<void> {
    this.network ??= await this.page.context().newCDPSession(this.page);
    await this.network.send('Network.emulateNetworkConditions', {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: bytesPerSecond,
    });
  }

  row(name: string): Locator {
    return this.page.getByRole('listitem').filter({ hasText: name });
  }

  button(action: string, name: string): Locator {
    return this.page.getByRole('button', { name: `${action} ${name}` });
  }

  /** Waits until the words of a file are these. */
  async untilWords(name: string, words: RegExp): Promise<void> {
    await eventually(async () => {
      const text = await this.words(name);
      if (!words.test(text)) throw new Error(`${name} says "${text}", not ${words}`);
    }, 20_000);
  }

  async words(name: string): Promise<string> {
    return (await this.row(name).locator('.words').textContent()) ?? '';
  }

  async ask(path: string, method = 'GET'): Promise<Response> {
    const url = `http://127.0.0.1:${await this.service.port()}${path}`;
    return fetch(url, { method, headers: { Authorization: `Bearer ${await this.token()}` } });
  }
}

/** Nothing went wrong in the page, nothing was asked of others, and its policy held. */
export async function expectCleanPage(fixture: UploadPageFixture): Promise<void> {
  expect(await fixture.closePage()).toEqual({ errors: [], foreign: [] });
}

/** The file is at the element once, with its bytes. */
export function expectStoredOnce({ element }: UploadPageFixture, { name, buffer }: ChosenFile): void {
  const stored = [...element.files.values()].filter(({ filename }) => filename === name);
  const sha256 = createHash('sha256').update(buffer).digest('hex');
  expect(stored.map((file) => [file.size, file.sha256])).toEqual([[buffer.length, sha256]]);
}
