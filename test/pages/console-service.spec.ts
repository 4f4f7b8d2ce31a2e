import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { type AcceptingService, startAccepting } from '../support/accepted-service.js';
import { describeInBrowser, startBrowser } from '../support/browser.js';
import { circuitAt } from '../support/operator.js';
import { ConsolePage } from './console-page.js';

const CIRCUIT = 'storage:se-1';

describeInBrowser('the console of a real service', () => {
  let service: AcceptingService;
  let browser: Browser;
  let console: ConsolePage;

  beforeAll(async () => {
    service = await startAccepting({ DELIVERY_MAX_ATTEMPTS: '1' });
    browser = await startBrowser();
  });
  beforeEach(async () => {
    console = await ConsolePage.open(browser, service.running.url);
  });
  afterEach(() => console.close());
  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  const signIn = async (path: string, claims = {}): Promise<void> =>
    console.signIn(path, await service.running.token({ sub: 'olga', role: 'admin', ...claims }));
  const confirm = async (button: string): Promise<void> => {
    await console.page.getByLabel('Reason').fill('a test wants it');
    await console.page.getByRole('button', { name: button }).click();
  };

  it('has dead letters redelivered that were previewed', async () => {
    const { page } = console;
    const answer = await service.post(Buffer.from('a file'), { Prefer: 'respond-async' });
    const { upload_id: id } = (await answer.json()) as { upload_id: string };
    await service.untilStatus(id, 'dead');
    await signIn('now');
    await page.getByText('1 dead letter waits for a decision').waitFor();
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByRole('link', { name: 'a.bin' }).click();
    await page.getByText(id).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Download the file' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('a.bin');
    await page.goBack();
    // The group stands for a filter.
    await page.getByRole('region', { name: 'By cause and target' }).getByRole('link').click();
    await page.waitForURL(/\?kind=delivery&reason=/);
    service.element.fault = undefined;
    await page.getByRole('button', { name: 'Redeliver all that fit' }).click();
    await page.getByRole('dialog').getByText('a.bin').waitFor();
    await confirm('Redeliver 1 dead letter');
    await page.getByText('1 dead letter is tried again.').waitFor();
    await service.untilStatus(id, 'active');
    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByRole('cell', { name: 'a test wants it' }).first().waitFor();
  });

  it('forces a circuit open and resets it', async () => {
    const { page } = console;
    await signIn('targets');
    await page.getByRole('button', { name: `Force open: ${CIRCUIT}` }).click();
    await confirm('Force it open');
    await page.getByText('by olga, until').first().waitFor();
    expect(circuitAt(service.running, CIRCUIT)).toMatchObject({
      state: 'open',
      forced: { by: 'olga', reason: 'a test wants it' },
    });
    await page.getByRole('link', { name: 'Now' }).click();
    await page.getByText('No storage element takes files').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: `Reset: ${CIRCUIT}` }).click();
    await confirm('Reset it');
    await page.getByRole('region', { name: CIRCUIT }).getByText('takes calls').waitFor();
    expect(circuitAt(service.running, CIRCUIT).state).toBe('closed');
  });

  it('aborts an upload that is in flight', async () => {
    const { page } = console;
    const upload = request(`${service.running.url}/api/v1/files/5d0b0e9a-6a1c-4f6e-9a39-0d7b54f3c001`, {
      method: 'PUT',
      headers: {
        authorization: `Bearer ${await service.running.token()}`,
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
    await page.getByLabel('Token').fill(await service.running.token());
    await page.keyboard.press('Enter');
    await page.getByText('The token is good, but does not allow this').waitFor();
    await signIn('now', { exp: Math.floor(Date.now() / 1000) - 26 });
    await page.getByText('The token is not accepted any more').waitFor({ timeout: 20_000 });
  });
});
