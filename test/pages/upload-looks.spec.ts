import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { MIB } from '../support/file-bodies.js';
import { DOWN, expectCleanPage, fileOf, UploadPageFixture } from './upload-fixture.js';

/** Pictures for people; nobody compares them. */
const PICTURES = join(import.meta.dirname, '../../test-output/upload-page');

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

const LOOKS = [
  { colorScheme: 'light', width: 1280 },
  { colorScheme: 'dark', width: 390 },
] as const;

describeInBrowser('the upload page for everybody', () => {
  let fixture: UploadPageFixture;

  beforeAll(async () => {
    await mkdir(PICTURES, { recursive: true });
    fixture = await UploadPageFixture.start();
  });
  beforeEach(() => fixture.open());
  afterEach(() => expectCleanPage(fixture));
  afterAll(() => fixture.close());

  /** Light and dark, wide and narrow, the page has nothing that axe finds, and nothing beyond its right edge. */
  async function expectAccessible(name: string): Promise<void> {
    const { page } = fixture;
    for (const { colorScheme, width } of LOOKS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 800 });
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().withTags(TAGS).analyze();
      const findings = violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]);
      expect([name, colorScheme, width, findings]).toEqual([name, colorScheme, width, []]);
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width);
      await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}-${width}.png`), fullPage: true });
    }
  }

  it('has no findings while it is empty', async () => {
    await fixture.page.getByText('Description and retention').click();
    await expectAccessible('empty');
  });

  it('has no findings with files in each state', async () => {
    await fixture.choose(fileOf('without-a-token.txt', 1000, 'text/plain'));
    await fixture.untilWords('without-a-token.txt', /^waiting for a token$/);
    await fixture.useToken(await fixture.token());
    await fixture.untilWords('without-a-token.txt', /^stored$/);
    fixture.element.options.fault = DOWN;
    await fixture.choose(fileOf('Quarterly report 2026, third draft.txt', 45_000, 'text/plain'));
    await fixture.untilWords('Quarterly report', /^accepted/);
    await fixture.slowDown(MIB / 2);
    await fixture.choose(
      fileOf('page.html', 1000, 'text/html'),
      fileOf(`${'a-very-long-name-'.repeat(6)}.bin`, 8.5 * MIB),
      fileOf('film.bin', 8.5 * MIB),
      fileOf('photos.bin', 2 * MIB),
      fileOf('later.txt', 2000, 'text/plain'),
    );
    await fixture.untilWords('page.html', /^refused/);
    await fixture.untilWords('a-very-long-name', /^sending \d+ %, .+ left$/);
    await fixture.button('Pause', 'film.bin').click();
    await fixture.untilWords('film.bin', /^paused/);
    await expectAccessible('filled');
  });

  it('has no findings where the token ended and everything is refused', async () => {
    await fixture.useToken(await fixture.token(-60));
    await fixture.choose(fileOf('notes.txt', 1000, 'text/plain'));
    await fixture.untilWords('notes.txt', /^waiting for a token$/);
    await fixture.choose(fileOf('page.html', 1000, 'text/html'));
    await expectAccessible('token');
    await fixture.useToken(await fixture.token());
    await fixture.untilWords('page.html', /^refused/);
    await expectAccessible('refused');
  });

  it('is used by keyboard alone', async () => {
    const { keyboard } = fixture.page;
    // The browser is told first that its dialog is not wanted.
    const chosen = fixture.page.waitForEvent('filechooser');
    await keyboard.press('Tab');
    await keyboard.insertText(await fixture.token());
    await keyboard.press('Enter');
    expect(await focused()).toBe('Change token');
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    const chooser = await chosen;
    await fixture.slowDown(MIB);
    await chooser.setFiles([fileOf('first.bin', 8.5 * MIB), fileOf('second.bin', 8.5 * MIB)]);
    await fixture.untilWords('first.bin', /^sending/);
    const press = async (key: string, name: string): Promise<void> => {
      await keyboard.press(key);
      await eventually(async () => expect(await focused()).toBe(name), 5_000);
    };
    await press('Tab', 'Description and retention');
    await press('Tab', 'Pause first.bin');
    await press('Enter', 'Resume first.bin');
    // There is nothing to pause for a moment: the focus does not go to what ends the upload.
    await press('Enter', 'the row of first.bin');
    await fixture.untilWords('first.bin', /^sending/);
    await press('Tab', 'Pause first.bin');
    await press('Tab', 'Cancel first.bin');
    await press('Enter', 'the row of first.bin');
    await fixture.untilWords('first.bin', /^cancelled$/);
    await press('Tab', 'Remove first.bin');
    await press('Enter', 'the row of second.bin');
    await press('Tab', 'Pause second.bin');
  });

  const focused = (): Promise<unknown> =>
    fixture.page.evaluate(`{
      const { activeElement: node } = document;
      node.matches('.upload') ? 'the row of ' + node.querySelector('.name').textContent : node.textContent;
    }`);
});
