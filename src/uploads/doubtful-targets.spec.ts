import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '../errors/service-error.js';
import { DoubtfulTargets } from './doubtful-targets.js';

const lost = new ServiceError('STORAGE_TIMEOUT', 'x', { cause: { code: 'ECONNRESET', bodySent: true } });
const refused = new ServiceError('STORAGE_FAILED', 'x', { cause: { statusCode: 500 } });
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

  it('names none while the file has not come as a whole, since nobody was sent its end', () => {
    expect(doubtAfter(false, { 'storage:a': lost, 'storage:b': late })).toEqual([]);
  });
});
