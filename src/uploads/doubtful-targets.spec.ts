import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { DoubtfulTargets } from './doubtful-targets.js';

const lost = new ServiceError('STORAGE_TIMEOUT', 'x', { cause: { code: 'ECONNRESET', bodySent: true } });
const refused = new ServiceError('STORAGE_FAILED', 'x', { cause: { statusCode: 500 } });
const failed = new ServiceError('STORAGE_FAILED', 'x', { cause: { statusCode: 500, bodySent: true } });
const gateway = new ServiceError('STORAGE_FAILED', 'x', { cause: { statusCode: 504, bodySent: true } });
const late = new ServiceError('DEADLINE_EXCEEDED', 'x');

function doubtAfter(complete: boolean, failures: Record<string, unknown>): readonly string[] {
  const doubtful = new DoubtfulTargets({ complete });
  for (const [target, error] of Object.entries(failures)) doubtful.failed(target, error);
  return doubtful.names;
}

describe('DoubtfulTargets', () => {
  it('names those that had all of the file and gave no answer, or were cut off', () => {
    expect(doubtAfter(true, { 'storage:a': lost, 'storage:b': refused, 'storage:c': late })).toEqual([
      'storage:a',
      'storage:c',
    ]);
  });

  it('tells those apart that may come to have what they do not have yet', () => {
    const doubtful = new DoubtfulTargets({ complete: true });
    doubtful.failed('storage:a', lost);
    doubtful.failed('storage:b', failed);
    doubtful.failed('storage:c', gateway);
    expect(doubtful.names).toEqual(['storage:a', 'storage:b', 'storage:c']);
    expect(doubtful.unsettled).toEqual(['storage:a', 'storage:c']);
  });

  it('does not name one that asked for rest, whose answer was its last word', () => {
    const cause = { statusCode: 503, retryAfterMs: 5_000, bodySent: true };
    expect(doubtAfter(true, { 'storage:a': new ServiceError('STORAGE_FAILED', 'x', { cause }) })).toEqual([]);
  });

  it('names none while the file has not come as a whole, since nobody was sent its end', () => {
    expect(doubtAfter(false, { 'storage:a': lost, 'storage:b': late })).toEqual([]);
  });
});
