import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { CommitUnknown } from './commit-unknown.js';
import { GroupCommit } from './group-commit.js';

interface Commit {
  readonly items: readonly string[];
  readonly end: PromiseWithResolvers<readonly string[]>;
}

/** A group whose transactions end when the test says so. */
function groupOf({ maxItems = 10, maxAtOnce = 1 }): {
  group: GroupCommit<string, string>;
  commits: Commit[];
} {
  const commits: Commit[] = [];
  const commit = (items: readonly string[]): Promise<readonly string[]> => {
    const end = Promise.withResolvers<readonly string[]>();
    commits.push({ items, end });
    return end.promise;
  };
  return { group: new GroupCommit({ maxItems, maxAtOnce, commit }), commits };
}

const itemsOf = (commits: readonly Commit[]): (readonly string[])[] => commits.map(({ items }) => items);

function succeed(commit: Commit | undefined): void {
  commit?.end.resolve(commit.items.map((item) => item.toUpperCase()));
}

describe('transactions that are shared', () => {
  it('begin at once for who comes alone', async () => {
    const { group, commits } = groupOf({});
    const result = group.add('a');
    expect(itemsOf(commits)).toEqual([['a']]);
    succeed(commits[0]);
    expect(await result).toBe('A');
  });

  it('are shared by those who come while one is under way, and each gets its own result', async () => {
    const { group, commits } = groupOf({});
    const results = ['a', 'b', 'c'].map((item) => group.add(item));
    expect(itemsOf(commits)).toEqual([['a']]);
    succeed(commits[0]);
    await untilBegun(commits, 1);
    expect(itemsOf(commits)).toEqual([['a'], ['b', 'c']]);
    succeed(commits[1]);
    expect(await Promise.all(results)).toEqual(['A', 'B', 'C']);
  });

  it('take no more items than they may', async () => {
    const { group, commits } = groupOf({ maxItems: 2 });
    const results = ['a', 'b', 'c', 'd'].map((item) => group.add(item));
    for (let index = 0; index < 3; index += 1) {
      await untilBegun(commits, index);
      succeed(commits[index]);
    }
    expect(itemsOf(commits)).toEqual([['a'], ['b', 'c'], ['d']]);
    expect(await Promise.all(results)).toEqual(['A', 'B', 'C', 'D']);
  });

  it('are no more at once than may be, and one that ends makes room', async () => {
    const { group, commits } = groupOf({ maxAtOnce: 2 });
    const results = ['a', 'b', 'c', 'd'].map((item) => group.add(item));
    expect(itemsOf(commits)).toEqual([['a'], ['b']]);
    succeed(commits[1]);
    expect(await results[1]).toBe('B');
    await untilBegun(commits, 2);
    expect(itemsOf(commits)).toEqual([['a'], ['b'], ['c', 'd']]);
    succeed(commits[0]);
    succeed(commits[2]);
    expect(await Promise.all(results)).toEqual(['A', 'B', 'C', 'D']);
  });
});

describe('transactions that fail', () => {
  /** Nobody is to blame for the first, so that all others share the second. */
  async function shared(
    items: readonly string[],
  ): Promise<{ commits: Commit[]; results: Promise<string>[] }> {
    const { group, commits } = groupOf({});
    const first = group.add('first');
    const results = items.map((item) => group.add(item));
    succeed(commits[0]);
    await first;
    await untilBegun(commits, 1);
    return { commits, results };
  }

  it('are done again for each item alone, so that one that is bad fails no others', async () => {
    const { commits, results } = await shared(['good', 'bad', 'fine']);
    const ends = Promise.allSettled(results);
    commits[1]?.end.reject(new RangeError('one of them is bad'));
    for (const index of [2, 3, 4]) {
      await untilBegun(commits, index);
      if (commits[index]?.items[0] === 'bad') commits[index].end.reject(new RangeError('bad'));
      else succeed(commits[index]);
    }
    expect(await ends).toEqual([
      { status: 'fulfilled', value: 'GOOD' },
      { status: 'rejected', reason: new RangeError('bad') },
      { status: 'fulfilled', value: 'FINE' },
    ]);
    expect(itemsOf(commits).slice(1)).toEqual([['good', 'bad', 'fine'], ['good'], ['bad'], ['fine']]);
  });

  it.each([
    ['an outage', new ServiceError('QUEUE_UNAVAILABLE', 'not now')],
    ['an end that nobody knows', new CommitUnknown(new Error('reset'))],
  ])('fail all of their items after %s, and are not done again', async (_, failure) => {
    const { commits, results } = await shared(['a', 'b']);
    const ends = Promise.allSettled(results);
    commits[1]?.end.reject(failure);
    expect(await ends).toEqual(results.map(() => ({ status: 'rejected', reason: failure })));
    expect(commits).toHaveLength(2);
  });

  it('fail an item that is alone with what was thrown, and the next one goes on', async () => {
    const { group, commits } = groupOf({});
    const [bad, next] = [group.add('bad'), group.add('next')];
    const refused = Promise.allSettled([bad]);
    commits[0]?.end.reject(new RangeError('bad'));
    expect(await refused).toEqual([{ status: 'rejected', reason: new RangeError('bad') }]);
    await untilBegun(commits, 1);
    succeed(commits[1]);
    expect(await next).toBe('NEXT');
    expect(commits).toHaveLength(2);
  });
});

async function untilBegun(commits: readonly Commit[], index: number): Promise<void> {
  for (let turns = 0; commits.length <= index; turns += 1) {
    if (turns > 1_000) throw new Error(`transaction ${index} has not begun`);
    await Promise.resolve();
  }
}
