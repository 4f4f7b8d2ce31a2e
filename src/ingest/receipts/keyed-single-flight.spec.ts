import { beforeEach, describe, expect, it } from '@jest/globals';
import { KeyedSingleFlight } from './keyed-single-flight.js';

describe('KeyedSingleFlight', () => {
  let works: { key: string; end: PromiseWithResolvers<string> }[];
  let flights: KeyedSingleFlight<string>;

  beforeEach(() => {
    works = [];
    flights = new KeyedSingleFlight((key) => {
      const end = Promise.withResolvers<string>();
      works.push({ key, end });
      return end.promise;
    });
  });

  it('gives who comes during a run the next one, which all of them share', async () => {
    const first = flights.run('a');
    const late = [flights.run('a'), flights.run('a')];
    expect(works).toHaveLength(1);
    works[0]?.end.resolve('old');
    expect(await first).toBe('old');
    late.push(flights.run('b'));
    works.find(({ key }) => key === 'b')?.end.resolve('other');
    works.find(({ key }, index) => key === 'a' && index > 0)?.end.resolve('new');
    expect(await Promise.all(late)).toEqual(['new', 'new', 'other']);
    expect(works.map(({ key }) => key).toSorted()).toEqual(['a', 'a', 'b']);
  });

  it('does the work anew for who comes after it', async () => {
    for (const result of ['one', 'two']) {
      const run = flights.run('a');
      works.at(-1)?.end.resolve(result);
      expect(await run).toBe(result);
    }
    expect(works).toHaveLength(2);
  });

  it('tells a failure only those who shared it', async () => {
    const first = flights.run('a');
    const second = flights.run('a');
    works[0]?.end.reject(new Error('broken'));
    await expect(first).rejects.toThrow('broken');
    works[1]?.end.resolve('mended');
    expect(await second).toBe('mended');
  });

  it('forgets a key with the last run of it', async () => {
    const runs = [flights.run('a'), flights.run('a')];
    works[0]?.end.resolve('');
    await runs[0];
    expect(flights.size).toBe(1);
    works[1]?.end.resolve('');
    await runs[1];
    expect(flights.size).toBe(0);
  });
});
