import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { busySnapshot, type Json, quietSnapshot, storedAfter } from '../support/operators-data.js';
import { activeUpload, auditEntry, letter, letterHistory, recentUpload } from '../support/operators-lists.js';
import { type Answer, problem } from '../support/operators-double.js';
import type { Look } from './accessibility.js';
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

const REFUSED: Answer = [503, problem(503, 'QUEUE_UNAVAILABLE', 'The database does not answer.')];

const nameOf = (path: string): string => path.replace(LETTER, 'one').replace('/', '-');

describeInBrowser('each screen is accessible, wide and narrow, light and dark', () => {
  let fixture: ConsoleFixture;

  beforeAll(async () => {
    fixture = await ConsoleFixture.start();
  });
  afterAll(() => fixture.close());

  it('while it asks for a token, and when that is refused', async () => {
    fixture.reset();
    const console = await fixture.open();
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
    await console.close();
  });

  it('now, targets and queue, with nothing to say, with much, and with what is missing', async () => {
    const { double } = fixture;
    fixture.reset();
    const console = await fixture.open();
    const screens = ['now', 'targets', 'queue'];
    const look = async (state: string, paths: readonly string[], looks?: readonly Look[]): Promise<void> => {
      for (const path of paths) {
        await console.show(path);
        await console.expectAccessible(`${path}-${state}`, looks);
      }
    };
    const begun = Date.now() - BEFORE_MS;
    double.snapshot = { ...quietSnapshot(), at: new Date(begun).toISOString(), replicas: [] };
    await console.signIn('now');
    await console.page.getByText('No replica is known.').waitFor();
    await look('empty', screens, ['light']);
    await console.show('now');
    for (let ms = 10_000; ms <= BEFORE_MS; ms += 10_000) {
      // Of snapshots that come at once only the last is taken.
      await sleep(10);
      double.push({ ...busySnapshot(ms / 1_000), at: new Date(begun + ms).toISOString() });
    }
    const stored = storedAfter(BEFORE_MS / 1_000).toLocaleString('en');
    await console.page.getByText(stored).first().waitFor();
    await look('filled', screens);
    await console.show('now');
    double.push({ ...busySnapshot(BEFORE_MS / 1_000), queue: null, dead_letters: null });
    await console.page.getByText('The database does not answer').first().waitFor();
    await look('error', ['now', 'queue'], ['narrow-dark']);
    double.refusal = [503, problem(503, 'SHUTTING_DOWN', 'The service is shutting down.')];
    double.breakOff();
    await console.page.getByRole('alert').filter({ hasText: 'No data comes any more' }).waitFor();
    await look('error', ['targets'], ['narrow-dark']);
    await console.close();
  });

  describe('lists, empty, filled and refused', () => {
    let console: ConsolePage;

    beforeAll(async () => {
      fixture.reset();
      fixture.double.snapshot = quietSnapshot();
      console = await fixture.open();
      await console.signIn('now');
    });
    afterEach(() => console.expectClean());
    afterAll(() => console.close());

    it.each(LISTS)('%s', async (path, filled, answers) => {
      const show = async (
        state: string,
        looks: readonly Look[],
        answer: (body: Json) => Answer,
        text: string,
      ): Promise<void> => {
        for (const [name, body] of Object.entries(answers))
          fixture.double.answers.set(`GET /api/v1/${name}`, answer(body));
        await console.show(path);
        await console.page.getByText(text).first().waitFor();
        await console.expectAccessible(`${nameOf(path)}-${state}`, looks);
      };
      await show('error', ['narrow-dark'], () => REFUSED, 'QUEUE_UNAVAILABLE');
      if (!path.endsWith(LETTER))
        await show('empty', ['light'], (body) => [200, emptied(body)], 'that fits the filter');
      await show('filled', ['light', 'narrow-dark'], (body) => [200, body], filled);
    });
  });
});

/** The same answer without a row. */
function emptied(body: Json): Json {
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, Array.isArray(value) ? [] : null]),
  );
}
