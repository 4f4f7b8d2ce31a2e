import { describe, expect, it } from '@jest/globals';
import type { NewPlacement } from '../../delivery/placement.js';
import { ServiceError } from '../../errors/service-error.js';
import { PossiblePlacements } from './possible-placements.js';
import { TargetFailure } from '../../outbound/target-failure.js';

const lost = new ServiceError('STORAGE_TIMEOUT', 'x', {
  cause: new TargetFailure('lost', { bodySent: true }),
});
const refused = new ServiceError('STORAGE_FAILED', 'x', {
  cause: new TargetFailure('refused', { statusCode: 500 }),
});
const failed = new ServiceError('STORAGE_FAILED', 'x', {
  cause: new TargetFailure('failed', { statusCode: 500, bodySent: true }),
});
const busy = new ServiceError('STORAGE_FAILED', 'x', {
  cause: new TargetFailure('busy', { statusCode: 503, retryAfterMs: 5_000, bodySent: true }),
});
const gateway = new ServiceError('STORAGE_FAILED', 'x', {
  cause: new TargetFailure('late', { statusCode: 504, bodySent: true }),
});
const late = new ServiceError('DEADLINE_EXCEEDED', 'x');

const TARGET = 'storage:a';

function placementsAfter(error: unknown, isAbsent: boolean, complete = true): readonly NewPlacement[] {
  const possible = new PossiblePlacements({ complete });
  possible.failed(TARGET, error, isAbsent);
  return possible.all;
}

describe('PossiblePlacements', () => {
  it.each([
    ['gave no answer', lost, false],
    ['gave no answer and says that it has nothing yet', lost, true],
    ['was cut off', late, false],
    ['may still be busy behind its gateway', gateway, true],
  ])('names one that had all of the file and %s', (_, error, isAbsent) => {
    expect(placementsAfter(error, isAbsent)).toEqual([
      { target: TARGET, unverified: false, answered: false },
    ]);
  });

  it.each([
    ['failed', failed],
    ['asked for rest', busy],
  ])('believes one that %s as soon as it says that it has nothing', (_, error) => {
    expect(placementsAfter(error, true)).toEqual([]);
    expect(placementsAfter(error, false)).toMatchObject([{ target: TARGET, answered: true }]);
  });

  it('does not name one that was not sent all of it', () => {
    expect(placementsAfter(refused, false)).toEqual([]);
    expect(placementsAfter(lost, false, false)).toEqual([]);
    expect(placementsAfter(late, false, false)).toEqual([]);
  });

  it('tells of one whether it could be asked before', () => {
    const possible = new PossiblePlacements({ complete: true }, [TARGET, 'storage:b']);
    possible.failed(TARGET, lost, false);
    expect(possible.all).toEqual([{ target: TARGET, unverified: true, answered: false }]);
  });
});
