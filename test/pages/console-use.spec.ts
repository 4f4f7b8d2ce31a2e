import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { busySnapshot, circuit, quietSnapshot, replica, storedAfter } from '../support/operators-data.js';
import { activeUpload, letter } from '../support/operators-lists.js';
import { problem } from '../support/operators-double.js';
import { ConsoleFixture, type ConsolePage } from './console-page.js';

const PREVIEW = {
  action: 'drop',
  filter: { reason: 'STORAGE_FAILED' },
  count: 2,
  bytes: 96_000_000,
  oldest_at: letter(1).dead_at,
  samples: [letter(0), letter(1)],
  token: 'what-was-previewed',
  expires_at: letter(0).deadline,
};
const AGE_IS_SEEN =
  "(({ top, bottom }) => top >= 0 && bottom <= 150)(document.querySelector('.age').getBoundingClientRect())";
const TILE_COLOURS =
  "[...new Set([...document.querySelectorAll('.tile .hint, .tile .value')].map((node) => getComputedStyle(node).color))]";
const NODES = "document.querySelectorAll('*').length";

describeInBrowser('the console', () => {
  let fixture: ConsoleFixture;
  let console: ConsolePage;

  beforeAll(async () => {
    fixture = await ConsoleFixture.start();
  });
  beforeEach(async () => {
    fixture.reset();
    fixture.double.snapshot = quietSnapshot();
    console = await fixture.open();
  });
  afterEach(() => console.close());
  afterAll(() => fixture.close());

  it('is used with a keyboard alone: a circuit is forced open, with a reason', async () => {
    const { page } = console;
    const press = (key: string, times = 1): Promise<void> =>
      page.keyboard.press(key).then(() => (times > 1 ? press(key, times - 1) : undefined));
    fixture.double.snapshot = { ...quietSnapshot(), replicas: [replica(0, { 'storage:se-01': circuit() })] };
    await page.goto(`${console.origin}/console/now`);
    await page.getByLabel('Token').waitFor();
    await page.keyboard.type('a.token');
    await press('Enter');
    await page.getByRole('heading', { name: 'Now' }).waitFor();
    // From the heading back, over the token and the other screens.
    await press('Shift+Tab', 6);
    expect(await focusedText(console)).toBe('Targets');
    await press('Enter');
    await page.getByRole('heading', { name: 'Targets' }).waitFor();
    await page.getByRole('button', { name: 'Force open: storage:se-01' }).waitFor();
    await press('Tab');
    expect(await focusedText(console)).toBe('Force open');
    await press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.type('disks are changed');
    await press('Tab');
    await press('ArrowDown');
    await press('Tab', 2);
    expect(await focusedText(console)).toBe('Force it open');
    await press('Enter');
    await page.getByText('The circuit of storage:se-01 is forced open.').waitFor();
    expect(fixture.double.orders).toEqual([
      {
        method: 'POST',
        path: '/api/v1/orders',
        body: { kind: 'force-open', target: 'storage:se-01', reason: 'disks are changed', ttl_seconds: 3600 },
      },
    ]);
    expect(await focusedText(console)).toBe('Force open');
    // Escape leaves a dialog, and nothing is done.
    await press('Enter');
    await press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(fixture.double.orders.length).toBe(1);
  });

  it('keeps the filter in the URL, over a reload too, and orders what was previewed for it', async () => {
    const { page } = console;
    const { double } = fixture;
    double.answers.set('GET /api/v1/dead-letters/groups', [200, { groups: [] }]);
    double.answers.set('GET /api/v1/dead-letters', [200, { items: [letter(0)], next_cursor: 'page-2' }]);
    double.answers.set('POST /api/v1/dead-letters/preview', [200, PREVIEW]);
    double.answers.set('POST /api/v1/dead-letters/drop', [200, { dropped: 2, remaining: 0 }]);
    await console.signIn('dead-letters');
    await page.getByLabel('Cause', { exact: true }).fill('STORAGE_FAILED');
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.getByRole('button', { name: 'Next page' }).click();
    await page.waitForURL(/\?reason=STORAGE_FAILED&cursor=page-2$/);
    double.asked.length = 0;
    await page.reload();
    await page.getByLabel('Token').fill('a.token');
    await page.keyboard.press('Enter');
    await page.getByText('lecture hall').waitFor();
    expect(double.asked).toContain('/api/v1/dead-letters?reason=STORAGE_FAILED&cursor=page-2');
    expect(await page.getByLabel('Cause', { exact: true }).inputValue()).toBe('STORAGE_FAILED');
    await page.getByRole('button', { name: 'Drop all that fit' }).click();
    const dialog = page.getByRole('dialog', { name: 'Drop 2 dead letters, with their files?' });
    await dialog.getByText('lecture hall 4 – part 1.mp4 (96 MB)').waitFor();
    await console.expectAccessible('dialog-drop', ['narrow-dark']);
    const drop = dialog.getByRole('button', { name: 'Drop 2 dead letters' });
    await drop.click();
    // It wants a reason first.
    expect(double.orders.map(({ path }) => path)).toEqual(['/api/v1/dead-letters/preview']);
    await dialog.getByLabel('Reason').fill('nobody needs them');
    await drop.click();
    await page.getByText('2 dead letters are dropped.').waitFor();
    expect(double.orders.map(({ body }) => body)).toEqual([
      { action: 'drop', filter: { reason: 'STORAGE_FAILED' } },
      { filter: { reason: 'STORAGE_FAILED' }, token: 'what-was-previewed', reason: 'nobody needs them' },
    ]);
  });

  it('shows in the dialog why an order was refused', async () => {
    const { page } = console;
    fixture.double.answers.set('GET /api/v1/active-uploads', [
      200,
      { uploads: [activeUpload(1)], next_cursor: null, unanswered_replicas: [] },
    ]);
    fixture.double.answers.set('DELETE /api/v1/active-uploads/aaaa0001-0000-4000-8000-000000000000', [
      404,
      problem(404, 'NOT_FOUND', 'It is not in flight.'),
    ]);
    await console.signIn('uploads');
    await page.getByRole('button', { name: 'Abort' }).click();
    await page.getByLabel('Reason').fill('too large');
    await page.getByRole('button', { name: 'Abort it' }).click();
    await page.getByRole('dialog').getByText('It is not in flight.').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('says how old its data is, and that none comes; it goes on by itself', async () => {
    const { page } = console;
    // It looks at the clock of the page, which goes on as usual but for leaps.
    await page.clock.install();
    await console.signIn('now');
    await page.getByText('All is well').waitFor();
    await page.getByText(/Failed since \d\d:\d\d/).waitFor();
    expect(await page.locator('.content > [role=status]').textContent()).toBe('State: good.');
    // The stream is there, and says nothing.
    await page.clock.fastForward(6_000);
    await page.getByText(/Data ([6-9]|1\d) s old/).waitFor();
    fixture.double.refusal = [503, problem(503, 'SHUTTING_DOWN', 'The service is shutting down.')];
    fixture.double.breakOff();
    await page.getByRole('alert').filter({ hasText: 'No data comes any more' }).waitFor();
    await page.getByText('The service is shutting down. What you see is of').waitFor();
    await page.getByText(/Not known since \d\d:\d\d:\d\d: no data comes/).waitFor();
    expect(await page.getByText('All is well').count()).toBe(0);
    expect(await page.locator('.content > [role=status]').textContent()).toBe('State: not known.');
    await page.setViewportSize({ width: 390, height: 700 });
    await page.evaluate('scrollTo(0, 400)');
    expect(await page.evaluate(AGE_IS_SEEN)).toBe(true);
    expect(await page.evaluate(TILE_COLOURS)).toHaveLength(1);
    await console.expectAccessible('lost', ['light']);
    fixture.double.refusal = undefined;
    // However long it waits by now.
    await page.clock.fastForward(40_000);
    await page.getByText('All is well').waitFor();
    expect(await page.getByText('No data comes any more').count()).toBe(0);
    expect(await page.evaluate(TILE_COLOURS)).toHaveLength(2);
  });

  it('says how old the figures of the database are, where they are old', async () => {
    const { page } = console;
    await console.signIn('now');
    await page.getByText('wait for a decision', { exact: true }).waitFor();
    const at = Date.now();
    const times = { at: new Date(at).toISOString(), database_at: new Date(at - 40_000).toISOString() };
    fixture.double.push({ ...busySnapshot(), ...times });
    await page.getByText('wait for a decision, as of 40 s ago').waitFor();
    await page.getByRole('link', { name: 'Queue and spool' }).click();
    const asOf = page.getByText('What waits is as of 40 s ago.');
    await asOf.waitFor();
    expect(await asOf.count()).toBe(1);
  });

  it('asks for a token again when the stream is refused, and comes back to the same screen', async () => {
    const { page } = console;
    await console.signIn('targets');
    await page.getByRole('heading', { name: 'Targets' }).waitFor();
    fixture.double.refusal = [401, problem(401, 'UNAUTHORIZED', 'The token has expired.')];
    fixture.double.breakOff();
    await page
      .getByText('The token is not accepted any more: The token has expired. (UNAUTHORIZED)')
      .waitFor();
    fixture.double.refusal = undefined;
    await page.getByLabel('Token').fill('a.newer.token');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Targets' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/console/targets');
  });

  it('costs no memory when it is left open: thousands of snapshots leave no nodes and no listeners behind', async () => {
    const { page } = console;
    await console.signIn('now');
    await page.getByText(/Data \d s old/).waitFor();
    const client = await page.context().newCDPSession(page);
    await client.send('Performance.enable');
    const measure = async (): Promise<Record<string, number>> => {
      await client.send('HeapProfiler.collectGarbage');
      const { metrics } = await client.send('Performance.getMetrics');
      const found = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
      return {
        nodes: found.Nodes ?? 0,
        listeners: found.JSEventListeners ?? 0,
        heap: found.JSHeapUsedSize ?? 0,
      };
    };
    const begun = Date.now();
    let second = 0;
    const feed = async (count: number): Promise<void> => {
      for (const end = second + count; second < end; second += 1) {
        fixture.double.push({ ...busySnapshot(second), at: new Date(begun + second * 1_000).toISOString() });
        if (second % 20 === 0) await sleep(10);
      }
      fixture.double.push({ ...busySnapshot(second), at: new Date(begun + second * 1_000).toISOString() });
      await page.getByText(storedAfter(second).toLocaleString('en')).first().waitFor();
    };
    // A full quarter of an hour, after which nothing grows.
    await feed(1_000);
    const before = await measure();
    const elements = await page.evaluate(NODES);
    await feed(3_600);
    await eventually(async () => {
      const after = await measure();
      expect(after.listeners).toBeLessThanOrEqual((before.listeners ?? 0) + 5);
      expect(after.nodes).toBeLessThan((before.nodes ?? 0) * 1.2);
      expect(after.heap).toBeLessThan((before.heap ?? 0) + 2_000_000);
    });
    expect(await page.evaluate(NODES)).toBe(elements);
  });
});

async function focusedText({ page }: ConsolePage): Promise<unknown> {
  return page.evaluate('document.activeElement.textContent');
}
