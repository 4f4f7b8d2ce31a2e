import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { busySnapshot, type Json, quietSnapshot } from '../support/operators-data.js';
import { activeUpload, auditEntry, letter, letterHistory, recentUpload } from '../support/operators-lists.js';
import { problem } from '../support/operators-double.js';
import { ConsoleFixture, type ConsolePage } from './console-page.js';

const many = (make: (index: number) => Json, count: number): Json[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** What a chart has of the time before it is looked at. */
const BEFORE_MS = 700_000;
const LETTER = String(letter(1).id);
const GROUPS = [
  {
    kind: 'delivery',
    reason: 'STORAGE_FAILED',
    target: 'storage:se-01',
    count: 40,
    oldest_at: letter(9).dead_at,
  },
  {
    kind: 'registration',
    reason: 'ADMIN_UNAVAILABLE',
    target: 'admin',
    count: 2,
    oldest_at: letter(2).dead_at,
  },
];

/** Screen, what says that it is filled, and what the service answers. */
const LISTS: readonly (readonly [path: string, filled: string, answers: Readonly<Record<string, Json>>])[] = [
  [
    'uploads',
    'Abort',
    {
      'active-uploads': {
        uploads: many(activeUpload, 6),
        next_cursor: 'more',
        unanswered_replicas: ['7be04d11-0000-4000-8000-000000000002'],
      },
    },
  ],
  [
    'uploads/recent',
    'ALL_STORAGE_FAILED',
    { 'recent-uploads': { uploads: many(recentUpload, 8), next_cursor: null } },
  ],
  [
    'dead-letters',
    'lecture hall',
    {
      'dead-letters': { items: many(letter, 4), next_cursor: 'more' },
      'dead-letters/groups': { groups: GROUPS },
    },
  ],
  [`dead-letters/${LETTER}`, 'The element answered 500.', { [`dead-letters/${LETTER}`]: letterHistory(1) }],
  ['audit', 'force-open', { audit: { entries: many(auditEntry, 5), next_cursor: 'more' } }],
];

const nameOf = (path: string): string => path.replace(LETTER, 'one').replace('/', '-');

describeInBrowser('each screen is accessible, wide and narrow, light and dark', () => {
  let fixture: ConsoleFixture;
  let console: ConsolePage;

  beforeAll(async () => {
    fixture = await ConsoleFixture.start();
  });
  beforeEach(async () => {
    fixture.reset();
    console = await fixture.open();
  });
  afterEach(() => console.close());
  afterAll(() => fixture.close());

  it('while it asks for a token, and when that is refused', async () => {
    await console.page.goto(`${console.origin}/console`);
    await console.expectAccessible('token');
    fixture.double.answers.set('GET /api/v1/resilience/health', [
      401,
      problem(401, 'UNAUTHORIZED', 'The token has expired.'),
    ]);
    await console.page.getByLabel('Token').fill('an.old.token');
    await console.page.keyboard.press('Enter');
    await console.page
      .getByText('The token is not accepted: The token has expired. (UNAUTHORIZED)')
      .waitFor();
    await console.expectAccessible('token-refused');
  });

  it.each([
    ['now', 'The database does not answer'],
    ['targets', 'No data comes any more'],
    ['queue', 'The database does not answer'],
  ])('%s, with nothing to say, with much, and with what is missing', async (path, error) => {
    const begun = Date.now() - BEFORE_MS;
    fixture.double.snapshot = { ...quietSnapshot(), at: new Date(begun).toISOString(), replicas: [] };
    await console.signIn(path);
    await console.page.getByText(/Data \d s old/).waitFor();
    await console.expectAccessible(`${path}-empty`, ['light']);
    for (let ms = 10_000; ms <= BEFORE_MS; ms += 10_000) {
      // Of snapshots that come at once only the last is taken.
      await sleep(15);
      fixture.double.push({ ...busySnapshot(ms / 1_000), at: new Date(begun + ms).toISOString() });
    }
    await console.page.getByText('7be04d11').first().waitFor();
    await console.expectAccessible(`${path}-filled`);
    if (path === 'targets') {
      fixture.double.refusal = [503, problem(503, 'SHUTTING_DOWN', 'The service is shutting down.')];
      fixture.double.breakOff();
    } else fixture.double.push({ ...busySnapshot(BEFORE_MS / 1_000), queue: null, dead_letters: null });
    await console.page.getByText(error).first().waitFor();
    await console.expectAccessible(`${path}-error`, ['narrow-dark']);
  });

  it.each(LISTS)('%s, empty, filled and refused', async (path, filled, answers) => {
    fixture.double.snapshot = quietSnapshot();
    for (const name of Object.keys(answers))
      fixture.double.answers.set(`GET /api/v1/${name}`, [
        503,
        problem(503, 'QUEUE_UNAVAILABLE', 'The database does not answer.'),
      ]);
    await console.signIn(path);
    await console.page.getByText('QUEUE_UNAVAILABLE').first().waitFor();
    await console.expectAccessible(`${nameOf(path)}-error`, ['narrow-dark']);
    const show = async (empty: boolean, text: string): Promise<void> => {
      for (const [name, body] of Object.entries(answers))
        fixture.double.answers.set(`GET /api/v1/${name}`, [200, empty ? emptied(body) : body]);
      await console.page.getByRole('link', { name: 'Now' }).click();
      await console.page.goBack();
      await console.page.getByText(text).first().waitFor();
      await console.expectAccessible(
        `${nameOf(path)}-${empty ? 'empty' : 'filled'}`,
        empty ? ['light'] : undefined,
      );
    };
    if (!path.endsWith(LETTER)) await show(true, 'that fits the filter');
    await show(false, filled);
  });
});

/** The same answer without a row. */
function emptied(body: Json): Json {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, Array.isArray(value) ? [] : null]),
  );
}
