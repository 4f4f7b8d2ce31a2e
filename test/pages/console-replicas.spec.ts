import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Locator } from 'playwright-core';
import { describeInBrowser, startBrowser } from '../support/browser.js';
import { asOperator } from '../support/operator.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import { ConsolePage } from './console-page.js';

const CIRCUIT = 'storage:se-1';
/** Each replica looks every five seconds, and says how it is as often. */
const SOON = { timeout: 30_000 };
/** A replica that was not seen for 15 s is gone. */
const LATER = { timeout: 45_000 };

/** A process, how it is reached, and a tab with its console. */
interface Replica {
  readonly service: ServiceProcess;
  readonly url: string;
  readonly id: string;
  readonly tab: ConsolePage;
}

describeInBrowser('the consoles of two replicas', () => {
  let folder: string;
  let keys: TestKeys;
  let element: StorageElementServer;
  let postgres: PostgresDatabases;
  let services: ServiceProcess[];
  let browser: Browser;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ingester-consoles-'));
    keys = await createTestKeys();
    element = await StorageElementServer.start();
    postgres = await openPostgres();
    const variables = {
      DATABASE_URL: await postgres.newPreparedDatabase(),
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(folder),
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
      SPOOL_MIN_FREE_BYTES: '0',
    };
    const starting = startBrowser();
    // Each has a data folder of its own, and its spool there.
    services = await Promise.all([startServiceProcess(variables), startServiceProcess(variables)]);
    browser = await starting;
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all(services.map((service) => service.dispose()));
    await postgres.dispose();
    await element.close();
    await rm(folder, { recursive: true, force: true });
  });

  const token = (claims: object = {}): Promise<string> =>
    keys.sign({ sub: 'alice', role: 'user', ...claims });

  /** Opens the console of a process at a screen. */
  async function open(service: ServiceProcess, screen: string): Promise<Replica> {
    const url = `http://127.0.0.1:${await service.port()}`;
    const tab = await ConsolePage.open(browser, url);
    await tab.signIn(screen, await token({ sub: 'olga', role: 'admin' }));
    const { body } = await asOperator({ url, token }, 'GET', 'replicas');
    return { service, url, id: String(body.replica_id), tab };
  }

  async function upload({ url }: Replica): Promise<number> {
    const headers = { authorization: `Bearer ${await token()}`, 'content-type': 'text/plain' };
    const init = { method: 'PUT', headers, body: 'hello' };
    return (await fetch(`${url}/api/v1/files/${randomUUID()}`, init)).status;
  }

  const regionOf = ({ tab }: Replica, name: string): Locator => tab.page.getByRole('region', { name });
  /** What a console says of a replica: in the list of all, or of what one target is for it. */
  const rowOf = (at: Replica, { id }: Replica, region: string): Locator =>
    regionOf(at, region)
      .getByRole('row')
      .filter({ hasText: id.slice(0, 8) });

  async function order({ tab: { page } }: Replica, button: string, reason: string): Promise<void> {
    await page.getByRole('button', { name: `${button}: ${CIRCUIT}` }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill(reason);
    if (button === 'Force open') await dialog.getByLabel('For how long').selectOption('15 minutes');
    await dialog.getByRole('button', { name: button.replace(' ', ' it ') }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  it('show what was ordered at either, and at one that the other is gone', async () => {
    const [one, other] = services;
    if (!one || !other) throw new Error('there are no two processes');
    const a = await open(one, 'now');
    const b = await open(other, 'now');
    expect(a.id).not.toBe(b.id);
    for (const [at, each] of [
      [a, a],
      [a, b],
      [b, a],
      [b, b],
    ] as const)
      await rowOf(at, each, 'Replicas').getByText('well', { exact: true }).waitFor(SOON);

    for (const { tab } of [a, b]) await tab.page.getByRole('link', { name: 'Targets' }).click();
    await order(a, 'Force open', 'disks are changed');
    for (const each of [a, b])
      await rowOf(b, each, CIRCUIT).getByText('open by hand', { exact: true }).waitFor(SOON);
    const forced = regionOf(b, CIRCUIT).getByText(/^forced open by olga, until .+: disks are changed$/);
    expect(await forced.count()).toBe(1);
    expect(await regionOf(b, CIRCUIT).getByText('open everywhere').count()).toBe(1);
    expect([await upload(b), element.files.size]).toEqual([202, 0]);

    await order(b, 'Reset', 'disks are new');
    await regionOf(a, CIRCUIT).getByText('takes calls').waitFor(SOON);
    for (const each of [a, b])
      await rowOf(a, each, CIRCUIT).getByText('closed', { exact: true }).waitFor(SOON);
    await regionOf(a, CIRCUIT)
      .getByText('forced open')
      .waitFor({ state: 'detached', ...SOON });
    expect(await upload(a)).toBe(201);
    await a.tab.close();

    a.service.child.kill('SIGKILL');
    await a.service.exitCode();
    await b.tab.page.getByRole('link', { name: 'Now' }).click();
    await rowOf(b, a, 'Replicas').getByText('not seen', { exact: true }).waitFor(LATER);
    await b.tab.page.getByText(`Replica ${a.id.slice(0, 8)} was not seen for`).waitFor(SOON);
    expect(await rowOf(b, b, 'Replicas').getByText('well', { exact: true }).count()).toBe(1);
    await b.tab.close();
  }, 180_000);
});
