import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { DOWN, type Json } from '../support/accepted-service.js';
import { describeInBrowser, startBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import { ConsolePage } from './console-page.js';

const CIRCUIT = 'storage:se-1';
const STARTED = 'a.bin';

describeInBrowser('the console of a real service', () => {
  let folder: string;
  let keys: TestKeys;
  let element: StorageElementServer;
  let service: ServiceProcess;
  let url: string;
  let browser: Browser;
  let console: ConsolePage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-console-'));
    keys = await createTestKeys();
    const starting = startBrowser();
    element = await StorageElementServer.start({ fault: DOWN });
    service = await startServiceProcess({
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
      JWT_CLOCK_TOLERANCE_MS: '0',
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      STORAGE_RETRY_ATTEMPTS: '1',
      STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1000',
      DELIVERY_MAX_ATTEMPTS: '1',
      DELIVERY_POLL_MS: '50',
      SPOOL_MIN_FREE_BYTES: '0',
    });
    url = `http://127.0.0.1:${await service.port()}`;
    browser = await starting;
  });
  beforeEach(async () => {
    console = await ConsolePage.open(browser, url);
  });
  afterEach(() => console.close());
  afterAll(async () => {
    await browser.close();
    await service.dispose();
    await element.close();
    await rm(folder, { recursive: true, force: true });
  });

  const tokenOf = (claims: Json = {}): Promise<string> =>
    keys.sign({ sub: 'alice', role: 'user', ...claims });
  const signIn = async (path: string): Promise<void> =>
    console.signIn(path, await tokenOf({ sub: 'olga', role: 'admin' }));
  const get = async (path: string): Promise<Json> => {
    const authorization = `Bearer ${await tokenOf({ role: 'admin' })}`;
    return (await (await fetch(`${url}/api/v1/${path}`, { headers: { authorization } })).json()) as Json;
  };
  const untilStatus = (id: string, status: string): Promise<void> =>
    eventually(async () => expect(await get(`files/${id}`)).toMatchObject({ status }));
  const confirm = async (button: string): Promise<void> => {
    await console.page.getByLabel('Reason').fill('a test wants it');
    await console.page.getByRole('button', { name: button }).click();
  };

  it('has dead letters redelivered that were previewed', async () => {
    const { page } = console;
    const body = new FormData();
    body.append('file', new Blob(['a file']), STARTED);
    const headers = { authorization: `Bearer ${await tokenOf()}`, prefer: 'respond-async' };
    const answer = await fetch(`${url}/api/v1/files/upload`, { method: 'POST', headers, body });
    const { upload_id: id } = (await answer.json()) as { upload_id: string };
    await untilStatus(id, 'dead');
    await signIn('now');
    await page.getByText('1 dead letter waits for a decision').waitFor();
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByRole('link', { name: STARTED }).click();
    await page.getByText(id).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download the file' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(STARTED);
    await page.goBack();
    // The group stands for a filter.
    await page.getByRole('region', { name: 'By cause and target' }).getByRole('link').click();
    await page.waitForURL(/\?kind=delivery&reason=/);
    element.options.fault = undefined;
    await page.getByRole('button', { name: 'Redeliver all that fit' }).click();
    await page.getByRole('dialog').getByText(STARTED).waitFor();
    await confirm('Redeliver 1 dead letter');
    await page.getByText('1 dead letter is tried again.').waitFor();
    await untilStatus(id, 'active');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('cell', { name: 'a test wants it' }).first().waitFor();
  });

  it('forces a circuit open and resets it', async () => {
    const { page } = console;
    await signIn('targets');
    await page.getByRole('button', { name: `Force open: ${CIRCUIT}` }).click();
    await confirm('Force it open');
    await page.getByText('by olga, until').first().waitFor();
    expect(await get(`resilience/circuit-breakers/${CIRCUIT}`)).toMatchObject({
      state: 'open',
      forced: { by: 'olga', reason: 'a test wants it' },
    });
    await page.getByRole('link', { name: 'Now' }).click();
    await page.getByText('No storage element takes files').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: `Reset: ${CIRCUIT}` }).click();
    await confirm('Reset it');
    await page.getByRole('region', { name: CIRCUIT }).getByText('takes calls').waitFor();
    expect(await get(`resilience/circuit-breakers/${CIRCUIT}`)).toMatchObject({ state: 'closed' });
  });

  it('aborts an upload that is in flight', async () => {
    const { page } = console;
    const upload = request(`${url}/api/v1/files/5d0b0e9a-6a1c-4f6e-9a39-0d7b54f3c001`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${await tokenOf()}`,
        'content-length': '1000000',
        'content-type': 'video/mp4',
      },
    });
    upload.on('error', () => undefined);
    const answered = once(upload, 'response');
    upload.write(Buffer.alloc(100_000));
    await signIn('uploads?caller=alice');
    const row = page.getByRole('row').filter({ hasText: '5d0b0e9a' });
    await row.getByRole('button', { name: 'Abort' }).click();
    await confirm('Abort it');
    await page.getByText('Upload 5d0b0e9a is aborted.').waitFor();
    const [response] = (await answered) as [{ statusCode: number; resume(): void }];
    response.resume();
    expect(response.statusCode).toBe(403);
    await page.getByText('No upload is in flight that fits the filter.').waitFor();
    await page.getByRole('link', { name: 'Recent' }).click();
    await page.getByRole('row').filter({ hasText: '5d0b0e9a' }).getByText('UPLOAD_ABORTED').waitFor();
    upload.destroy();
  });

  it('says that a token grants too little, and asks again when one ends', async () => {
    const { page } = console;
    await page.goto(`${console.origin}/console/now`);
    await page.getByLabel('Token').fill(await tokenOf());
    await page.keyboard.press('Enter');
    await page.getByText('The token is good, but does not allow this').waitFor();
    // Long enough to sign in with it.
    const exp = Math.floor(Date.now() / 1000) + 15;
    await page.getByLabel('Token').fill(await tokenOf({ sub: 'olga', role: 'admin', exp }));
    await page.keyboard.press('Enter');
    await page.getByRole('navigation', { name: 'Screens' }).waitFor();
    await page.getByText('The token is not accepted any more').waitFor({ timeout: 20_000 });
    expect(await page.getByRole('navigation', { name: 'Screens' }).count()).toBe(0);
  });
});
