import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startUpkeep } from './pglite-upkeep.js';

describe('the upkeep of PGlite', () => {
  let statements: string[];
  let stop: () => void;

  beforeEach(() => {
    jest.useFakeTimers();
    statements = [];
    stop = startUpkeep((statement) => {
      statements.push(statement);
      return Promise.reject(new Error('not now'));
    });
  });
  afterEach(() => {
    stop();
    jest.useRealTimers();
  });

  it('is a checkpoint every minute and a vacuum every hour, whatever becomes of them', () => {
    jest.advanceTimersByTime(2 * 3_600_000);
    expect(statements).toHaveLength(120);
    expect(statements.filter((statement) => statement === 'VACUUM (ANALYZE)')).toHaveLength(2);
    expect(statements.slice(58, 61)).toEqual(['CHECKPOINT', 'VACUUM (ANALYZE)', 'CHECKPOINT']);
  });

  it('ends when it is stopped', () => {
    stop();
    jest.advanceTimersByTime(3_600_000);
    expect(statements).toEqual([]);
  });
});
