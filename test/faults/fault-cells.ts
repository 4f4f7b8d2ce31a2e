import { beforeAll, expect, it } from '@jest/globals';
import { type Elements, outcomesOf } from '../support/fault-cell.js';
import { isLongRun } from '../support/long-run.js';
import { type FaultCase, uploadsOf } from './fault-cases.js';

const ELEMENTS: readonly Elements[] = ['one', 'two'];

/** Measures every cell of a fault, in the block in which it is called. */
export function expectDocumented(faultCase: FaultCase): void {
  const uploads = uploadsOf(faultCase, isLongRun);
  const outcomes: Record<Elements, string[]> = { one: [], two: [] };

  // Most of the time goes by waiting, so the cells of a fault wait together.
  beforeAll(async () => {
    const services = faultCase.apart ? uploads.map((upload) => [upload]) : [uploads];
    const rowsOf = async (known: Elements): Promise<void> => {
      const rows = await Promise.all(services.map((each) => outcomesOf(faultCase, each, known)));
      outcomes[known] = rows.flat();
    };
    await Promise.all(ELEMENTS.map(rowsOf));
  });

  it.each(
    uploads.flatMap((upload, index) => ELEMENTS.map((known) => ({ upload: upload.name, known, index }))),
  )('$upload, with $known, ends as documented', ({ known, index }) => {
    expect(outcomes[known][index]).toBe(faultCase.expected[known]);
  });
}
