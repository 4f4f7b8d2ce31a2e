import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isPage, type Listing, mergedPage, type Page, pageOf } from './upload-pages.js';

interface Item {
  readonly upload_id: string;
  readonly at: string;
}

const item = fc.record({
  // Many at the same time.
  at: fc.integer({ min: 0, max: 5 }).map((ms) => new Date(ms).toISOString()),
  upload_id: fc.uuid(),
});
const listing = (newestFirst: boolean): Listing<Item> => ({ timeOf: ({ at }) => at, newestFirst });

/** All pages of what several replicas have. */
function walk(replicas: readonly (readonly Item[])[], limit: number, order: Listing<Item>): Item[] {
  const all: Item[] = [];
  for (let cursor: string | undefined; ;) {
    const query = { limit, ...(cursor !== undefined && { cursor }) };
    const pages = replicas.map((items) => pageOf(items, query, order));
    const page: Page<Item> = mergedPage(pages, limit, order);
    expect(page.uploads.length).toBeLessThanOrEqual(limit);
    all.push(...page.uploads);
    if (page.next_cursor === null) return all;
    cursor = page.next_cursor;
  }
}

describe('pages of uploads', () => {
  it('show every upload of every replica once, in order, whatever their size', () => {
    const replicas = fc.uniqueArray(item, { selector: (each) => each.upload_id, maxLength: 30 });
    fc.assert(
      fc.property(
        replicas,
        fc.integer({ min: 1, max: 7 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (items, limit, count, newestFirst) => {
          const parts = Array.from({ length: count }, (_, part) =>
            items.filter((_each, index) => index % count === part),
          );
          const keyOf = ({ at, upload_id: id }: Item): string => `${at} ${id}`;
          const sorted = items.map(keyOf).toSorted();
          const walked = walk(parts, limit, listing(newestFirst)).map(keyOf);
          expect(walked).toEqual(newestFirst ? sorted.toReversed() : sorted);
        },
      ),
    );
  });

  it('begin at no cursor but their own', () => {
    for (const cursor of ['x', '', Buffer.from('1;5;nothing').toString('base64url')])
      expect(() => pageOf<Item>([], { limit: 1, cursor }, listing(true))).toThrow('VALIDATION_ERROR');
  });

  it('are told from other answers', () => {
    expect(isPage({ status: 200, body: { uploads: [], next_cursor: null } })).toBe(true);
    expect(isPage({ status: 401, body: { uploads: [] } })).toBe(false);
    expect(isPage({ status: 200, body: undefined })).toBe(false);
    expect(isPage({ status: 200, body: { uploads: 'none' } })).toBe(false);
  });
});
