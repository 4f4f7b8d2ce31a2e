import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Elements, outcomesOf } from '../support/fault-cell.js';
import { measuredAhead } from '../support/faults-ahead.js';
import { isLongRun } from '../support/long-run.js';
import { type FaultCase, uploadsOf } from './fault-cases.js';

type Outcomes = Readonly<Record<Elements, string[]>>;

const ELEMENTS: readonly Elements[] = ['one', 'two'];

/** Measures every cell of each fault, in a block of its own. */
export function expectDocumented(whose: string, faultCases: readonly FaultCase[]): void {
  describe(`when ${whose} fails`, () => {
    const measured = measuredAhead(faultCases, measure);

    describe.each(faultCases.map((faultCase) => ({ name: faultCase.name, faultCase })))(
      'by: $name',
      ({ faultCase }) => {
        let outcomes: Outcomes;

        beforeAll(async () => {
          outcomes = await measured(faultCase);
        });

        it.each(
          uploadsSent(faultCase).flatMap((upload, index) =>
            ELEMENTS.map((known) => ({ upload: upload.name, known, index })),
          ),
        )('$upload, with $known, ends as documented', ({ known, index }) => {
          expect(outcomes[known][index]).toBe(faultCase.expected[known]);
        });
      },
    );
  });
}

/** Most of the time goes by waiting, so the cells of a fault wait together. */
async function measure(faultCase: FaultCase): Promise<Outcomes> {
  const uploads = uploadsSent(faultCase);
  const services = faultCase.apart ? uploads.map((upload) => [upload]) : [uploads];
  const rowsOf = async (known: Elements): Promise<string[]> =>
    (await Promise.all(services.map((each) => outcomesOf(faultCase, each, known)))).flat();
  const [one, two] = await Promise.all([rowsOf('one'), rowsOf('two')]);
  return { one, two };
}

function uploadsSent(faultCase: FaultCase): ReturnType<typeof uploadsOf> {
  return uploadsOf(faultCase, isLongRun);
}
