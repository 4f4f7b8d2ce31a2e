import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeInBrowser } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { MIB } from '../support/file-bodies.js';
import {
  DOWN,
  expectCleanPage,
  expectStoredOnce,
  fileOf,
  MAX_FILE_BYTES,
  UploadPageFixture,
} from './upload-fixture.js';

/** So large that it is sent in a way that can go on where it stopped. */
const LARGE = 8 * MIB + 1000;

describeInBrowser('the upload page', () => {
  let fixture: UploadPageFixture;

  beforeAll(async () => {
    fixture = await UploadPageFixture.start();
  });
  beforeEach(() => fixture.open());
  afterEach(() => expectCleanPage(fixture));
  afterAll(() => fixture.close());

  it('sends several files, says how far each is, and that they are stored', async () => {
    const files = [
      fileOf('several-large.bin', LARGE),
      fileOf('Grüße (1)é.txt', 300_000),
      ...['several-1', 'several-2', 'several-3'].map((name) => fileOf(`${name}.txt`, 1000)),
    ];
    await fixture.useToken(await fixture.token());
    await fixture.slowDown(MIB / 4);
    await fixture.choose(...files);
    await fixture.untilWords('several-large.bin', /^sending \d+ %, [\d.]+ [kM]B\/s, \d+ s left$/);
    const bar = fixture.page.getByRole('progressbar', { name: 'Sent of several-large.bin' });
    expect(await bar.count()).toBe(1);
    await fixture.slowDown(100 * MIB);
    for (const file of files) {
      await fixture.untilWords(file.name, /^stored$/);
      expectStoredOnce(fixture, file);
    }
    const summary = fixture.page.locator('#summary');
    await eventually(async () => expect(await summary.textContent()).toBe('5 of 5 stored'));
    await fixture.page.getByRole('button', { name: 'Remove all that are stored' }).click();
    expect(await fixture.page.getByRole('listitem').count()).toBe(0);
  });

  it('takes files that are dropped, and says of them what was entered', async () => {
    await fixture.useToken(await fixture.token());
    await fixture.page.getByText('Description and retention').click();
    await fixture.page.getByLabel('Description', { exact: true }).fill('Quarterly, für alle');
    await fixture.page.getByLabel('Days').fill('7');
    await fixture.page.getByLabel('Tags').fill('report, 2026');
    await fixture.page.evaluate(`{
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['hello'], 'dropped.txt', { type: 'text/plain' }));
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    }`);
    await fixture.untilWords('dropped.txt', /^stored$/);
    const stored = [...fixture.element.files.values()].find(({ filename }) => filename === 'dropped.txt');
    expect(stored).toMatchObject({ contentType: 'text/plain', size: 5 });
    expect(stored?.fields).toMatchObject({
      description: 'Quarterly, für alle',
      ttl_days: '7',
      tags: '["report","2026"]',
    });
  });

  it.each([
    ['a large file goes on where it was', fileOf('cut-large.bin', LARGE), 2],
    ['a small file is sent again under the same id', fileOf('cut-small.bin', 2 * MIB), 1],
  ])('goes on by itself when the connection breaks: %s', async (_, file, cuts) => {
    const before = fixture.relay.cuts;
    await fixture.useToken(await fixture.token());
    fixture.line.cutAfterBytes = MIB;
    await fixture.choose(file);
    await eventually(() => Promise.resolve(expect(fixture.relay.cuts).toBeGreaterThanOrEqual(before + cuts)));
    // From now on nothing comes through, so that the words stay.
    fixture.line.cutAfterBytes = 0;
    await fixture.untilWords(file.name, /^The connection broke\. It goes on by itself /);
    fixture.line.cutAfterBytes = Infinity;
    await fixture.untilWords(file.name, /^stored$/);
    expectStoredOnce(fixture, file);
  });

  it('pauses, and goes on where it was', async () => {
    const file = fileOf('paused.bin', 2 * MIB);
    const offsets: string[] = [];
    fixture.page.on('request', (request) => {
      if (request.method() === 'PATCH') offsets.push(request.headers()['upload-offset'] ?? '');
    });
    await fixture.useToken(await fixture.token());
    await fixture.describeFiles();
    await fixture.slowDown(100_000);
    await fixture.choose(file);
    await fixture.untilWords(file.name, /^sending [1-9]\d? %/);
    const place = await fixture.button('Cancel', file.name).boundingBox();
    await fixture.button('Pause', file.name).click();
    await fixture.untilWords(file.name, /^paused at \d+ %$/);
    expect((await fixture.button('Cancel', file.name).boundingBox())?.x).toBe(place?.x);
    await sleep(1_000);
    expect(offsets).toEqual(['0']);
    expect(await fixture.words(file.name)).toMatch(/^paused at \d+ %$/);
    await fixture.slowDown(100 * MIB);
    await fixture.button('Resume', file.name).click();
    await fixture.untilWords(file.name, /^stored$/);
    expectStoredOnce(fixture, file);
    expect(offsets).toHaveLength(2);
    expect(Number(offsets[1])).toBeGreaterThan(0);
  });

  it('asks for another token when one ends in the middle, and goes on', async () => {
    const file = fileOf('token.bin', 2 * MIB);
    await fixture.describeFiles();
    await fixture.slowDown(100_000);
    await fixture.useToken(await fixture.token());
    await fixture.choose(file);
    await fixture.untilWords(file.name, /^sending [1-9]\d? %/);
    await fixture.button('Pause', file.name).click();
    const problem = { status: 401, code: 'TOKEN_EXPIRED', title: 'The token has expired' };
    await fixture.page.route('**/api/v1/uploads/*', (route) => route.fulfill({ status: 401, json: problem }));
    await fixture.slowDown(100 * MIB);
    await fixture.button('Resume', file.name).click();
    await fixture.untilWords(file.name, /^waiting for a token$/);
    expect(await fixture.page.getByText('takes the last token no longer').isVisible()).toBe(true);
    await fixture.page.unroute('**/api/v1/uploads/*');
    await fixture.useToken(await fixture.token());
    await fixture.untilWords(file.name, /^stored$/);
    expectStoredOnce(fixture, file);
  });

  it('says that a file is accepted while it is not stored, and then after how long it was', async () => {
    const file = fileOf('outage.txt', 1000);
    fixture.element.options.fault = DOWN;
    await fixture.useToken(await fixture.token());
    await fixture.choose(file);
    await fixture.untilWords(file.name, /^accepted, will be stored later$/);
    const summary = fixture.page.locator('#summary');
    await eventually(async () =>
      expect(await summary.textContent()).toBe('0 of 1 stored, 1 will be stored later'),
    );
    fixture.element.options.fault = undefined;
    await fixture.untilWords(file.name, /^stored after \d+ s$/);
    expectStoredOnce(fixture, file);
    await eventually(async () => {
      const status = await fixture.page.getByRole('status').textContent();
      expect(status).toMatch(/^outage\.txt: stored after \d+ s\.$/);
    });
  });

  it('says why a file is refused, and what to do', async () => {
    await fixture.useToken(await fixture.token());
    await fixture.choose(
      fileOf('page.html', 1000),
      fileOf('too-large.bin', MAX_FILE_BYTES + 1),
      fileOf('empty.txt', 0),
    );
    await fixture.untilWords(
      'page.html',
      /^refused: UNSUPPORTED_MEDIA_TYPE\. .*text\/html.*\. Send a file of a type that is taken here\.$/,
    );
    await fixture.untilWords('too-large.bin', /^refused: FILE_TOO_LARGE\. .+\. Send a smaller file/);
    await fixture.untilWords('empty.txt', /^refused: EMPTY_FILE\. .+\. Choose a file that has some bytes\.$/);
    expect(await fixture.page.getByRole('button', { name: /Try again/ }).count()).toBe(0);
    await fixture.button('Remove', 'page.html').click();
    expect(await fixture.row('page.html').count()).toBe(0);
  });

  it('cancels what is on its way, and what is accepted', async () => {
    fixture.element.options.fault = DOWN;
    await fixture.useToken(await fixture.token());
    await fixture.choose(fileOf('cancelled.txt', 1000));
    await fixture.untilWords('cancelled.txt', /^accepted/);
    await fixture.button('Cancel', 'cancelled.txt').click();
    await fixture.untilWords('cancelled.txt', /^cancelled$/);
    await fixture.describeFiles();
    await fixture.slowDown(100_000);
    await fixture.choose(fileOf('cancelled.bin', 2 * MIB));
    await fixture.untilWords('cancelled.bin', /^sending [1-9]\d? %/);
    await fixture.button('Cancel', 'cancelled.bin').click();
    await fixture.untilWords('cancelled.bin', /^cancelled$/);
    await eventually(async () => {
      expect(await (await fixture.ask('/api/v1/uploads')).json()).toMatchObject({ uploads: [] });
    });
    const stored = [...fixture.element.files.values()].map(({ filename }) => filename);
    expect(stored).not.toContain('cancelled.txt');
    expect(stored).not.toContain('cancelled.bin');
  });

  it.each([
    ['raw', false, 2],
    ['tus', true, 1],
  ])('says that a file was stored when it was too late to cancel it: %s', async (way, isDescribed, tries) => {
    const file = fileOf(`late-${way}.bin`, MIB);
    let release = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    fixture.element.options.fault = { kind: 'wait', until };
    await fixture.useToken(await fixture.token());
    if (isDescribed) await fixture.describeFiles();
    let askedBack = 0;
    fixture.page.on('request', (request) => {
      if (request.method() === 'DELETE') askedBack += 1;
    });
    await fixture.choose(file);
    await fixture.untilWords(file.name, /^sent; waiting/);
    await fixture.button('Cancel', file.name).click();
    await eventually(async () => expect(askedBack).toBeGreaterThanOrEqual(tries));
    // The service says nothing to this one while the file is on its way to the element.
    if (isDescribed) await sleep(1_000);
    expect(await fixture.words(file.name)).toMatch(/^cancelling/);
    release();
    await fixture.untilWords(file.name, /^stored$/);
    expectStoredOnce(fixture, file);
  });
});
