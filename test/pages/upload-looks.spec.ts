import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { MIB } from '../support/file-bodies.js';
import { expectAccessible as expectAccessiblePage } from './accessibility.js';
import { DOWN, expectCleanPage, fileOf, UploadPageFixture } from './upload-fixture.js';

describeInBrowser('the upload page for everybody', () => {
  let fixture: UploadPageFixture;

  beforeAll(async () => {
    fixture = await UploadPageFixture.start();
  });
  beforeEach(() => fixture.open());
  afterEach(() => expectCleanPage(fixture));
  afterAll(() => fixture.close());

  const expectAccessible = (name: string): Promise<void> =>
    expectAccessiblePage(fixture.page, ['upload-page', name]);

  it('has no findings while it is empty', async () => {
    await fixture.page.getByText('Description and retention').click();
    await expectAccessible('empty');
  });

  it('has no findings with files in each state', async () => {
    await fixture.choose(fileOf('without-a-token.txt', 1000));
    await fixture.untilWords('without-a-token.txt', /^waiting for a token$/);
    await fixture.useToken(await fixture.token());
    await fixture.untilWords('without-a-token.txt', /^stored$/);
    fixture.element.options.fault = DOWN;
    await fixture.choose(fileOf('Quarterly report 2026, third draft.txt', 45_000));
    await fixture.untilWords('Quarterly report', /^accepted/);
    await fixture.slowDown(MIB / 4);
    await fixture.choose(
      fileOf('page.html', 1000),
      fileOf(`${'a-very-long-name-'.repeat(6)}.bin`, 8.5 * MIB),
      fileOf('film.bin', 8.5 * MIB),
      fileOf('photos.bin', 2 * MIB),
      fileOf('later.txt', 2000),
    );
    await fixture.untilWords('page.html', /^refused/);
    await fixture.untilWords('a-very-long-name', /^sending \d+ %, .+ left$/);
    await fixture.button('Pause', 'film.bin').click();
    await fixture.untilWords('film.bin', /^paused/);
    await expectAccessible('filled');
  });

  it('has no findings where the token ended and everything is refused', async () => {
    await fixture.useToken(await fixture.token(-60));
    await fixture.choose(fileOf('notes.txt', 1000));
    await fixture.untilWords('notes.txt', /^waiting for a token$/);
    await fixture.choose(fileOf('page.html', 1000));
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
    await fixture.slowDown(MIB / 4);
    const files = [fileOf('first.bin', 8.5 * MIB), fileOf('second.bin', 8.5 * MIB)];
    await chooser.setFiles(await fixture.pathsOf(files));
    await fixture.untilWords('first.bin', /^sending/);
    const press = async (key: string, name: string): Promise<void> => {
      await keyboard.press(key);
      await eventually(async () => expect(await focused()).toBe(name));
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
