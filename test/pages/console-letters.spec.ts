import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { quietSnapshot } from '../support/operators-data.js';
import { letter, letterHistory } from '../support/operators-lists.js';
import { problem } from '../support/operators-double.js';
import { ConsoleFixture, type ConsolePage } from './console-page.js';

const FILTER = 'owner=alice&older_than_seconds=3600';
/** The patience of the page ends when the test says so; `patience` lists the milliseconds of each wait. */
const PATIENT = `{
  const waits = [];
  globalThis.patience = waits;
  AbortSignal.timeout = (ms) => {
    const ending = new AbortController();
    waits.push({ ms, end: () => ending.abort(new DOMException('It took too long.', 'TimeoutError')) });
    return ending.signal;
  };
}`;
const END_PATIENCE = 'for (const { end } of patience) end()';
const GROUP = {
  kind: 'delivery',
  reason: 'STORAGE_FAILED',
  target: 'storage:se-01',
  count: 3,
  oldest_at: letter(1).dead_at,
};

describeInBrowser('the list of dead letters', () => {
  let fixture: ConsoleFixture;
  let console: ConsolePage;

  beforeAll(async () => {
    fixture = await ConsoleFixture.start();
  });
  beforeEach(async () => {
    fixture.reset();
    const { answers } = fixture.double;
    fixture.double.snapshot = quietSnapshot();
    const groups = [GROUP, { ...GROUP, reason: null }, { ...GROUP, reason: 'EXPIRED', target: null }];
    answers.set('GET /api/v1/dead-letters/groups', [200, { groups }]);
    answers.set('GET /api/v1/dead-letters', [200, { items: [letter(0)], next_cursor: null }]);
    const { id } = letter(0);
    answers.set(`GET /api/v1/dead-letters/${String(id)}`, [200, letterHistory(0)]);
    console = await fixture.open();
  });
  afterEach(() => console.close());
  afterAll(() => fixture.close());

  it('keeps its filter on the way to a group, and gives no link where a link would show more than the group', async () => {
    const { page } = console;
    await console.signIn(`dead-letters?${FILTER}&cursor=page-2`);
    const groups = page.getByRole('region', { name: 'By cause and target' });
    await groups.getByText('not known').waitFor();
    expect(await groups.getByRole('link').allTextContents()).toEqual(['STORAGE_FAILED']);
    await groups.getByRole('link').click();
    expect(new URL(page.url()).search).toBe(
      `?${FILTER}&kind=delivery&reason=STORAGE_FAILED&target=storage%3Ase-01`,
    );
  });

  it('keeps its filter on the way to a letter and back, also when the letter is dropped', async () => {
    const { page } = console;
    await console.signIn(`dead-letters?${FILTER}`);
    const open = (): Promise<void> => page.getByRole('link', { name: /lecture hall/ }).click();
    await open();
    await page.getByRole('link', { name: 'All dead letters', exact: true }).click();
    await page.getByRole('button', { name: 'Drop all that fit' }).waitFor();
    expect(page.url()).toBe(`${console.origin}/console/dead-letters?${FILTER}`);
    await open();
    await page.getByRole('button', { name: 'Drop…' }).click();
    await page.getByLabel('Reason').fill('nobody needs it');
    await page.getByRole('button', { name: 'Drop it' }).click();
    await page.getByText('It is dropped.').waitFor();
    expect(page.url()).toBe(`${console.origin}/console/dead-letters?${FILTER}`);
  });

  it('holds a dialog open until it is known what came of the order', async () => {
    const { page } = console;
    const answered = Promise.withResolvers<void>();
    await page.route('**/dead-letters/*/redeliver', async (route) => {
      await answered.promise;
      await route.continue();
    });
    const { id } = letter(0);
    fixture.double.answers.set(`POST /api/v1/dead-letters/${String(id)}/redeliver`, [
      503,
      problem(503, 'QUEUE_UNAVAILABLE', 'The database does not answer.'),
    ]);
    await console.signIn(`dead-letters/${String(id)}`);
    await page.getByRole('button', { name: 'Redeliver…' }).click();
    await page.getByLabel('Reason').fill('the element is back');
    await page.getByRole('button', { name: 'Redeliver it' }).click();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    expect(await page.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(true);
    answered.resolve();
    await page.getByRole('dialog').getByText('The database does not answer. (QUEUE_UNAVAILABLE)').waitFor();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('says that an answer does not come, and is asked for anew at once where somebody wants that', async () => {
    const { page } = console;
    await page.addInitScript(PATIENT);
    await console.signIn('dead-letters');
    await page.getByRole('link', { name: /lecture hall/ }).waitFor();
    expect(await page.getByText(/^Asked (just now|\d s ago)\.$/).count()).toBe(2);
    const held = Promise.withResolvers<void>();
    let asked = 0;
    await page.route('**/api/v1/dead-letters', async (route) => {
      asked += 1;
      if (asked > 1) await held.promise;
      else await new Promise<void>(() => undefined);
      await route.continue();
    });
    await page.getByRole('button', { name: 'Ask again' }).click();
    await eventually(async () => expect(asked).toBe(1));
    await page.getByRole('button', { name: 'Ask again' }).click();
    await eventually(async () => expect(asked).toBe(2));
    expect(await page.evaluate('patience.at(-1).ms')).toBe(15_000);
    await page.evaluate(END_PATIENCE);
    await page.getByText('No answer came within 15 s. (NO_ANSWER)').waitFor();
    held.resolve();
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByText('No answer came within 15 s. (NO_ANSWER)').waitFor({ state: 'hidden' });
    await page.getByRole('link', { name: /lecture hall/ }).waitFor();
  });
});
