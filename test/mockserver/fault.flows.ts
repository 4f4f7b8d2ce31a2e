import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Elements, outcomeOf, startCell } from '../support/fault-cell.js';
import type { MockServer } from '../support/mockserver.js';
import { MOCKSERVER_FAULTS, MOCKSERVER_UPLOADS } from '../support/mockserver-faults.js';

const ELEMENTS: readonly Elements[] = ['one', 'two'];
const CELLS = MOCKSERVER_UPLOADS.flatMap((upload) => ELEMENTS.map((elements) => ({ upload, elements })));

/** The matrix of test/faults with MockServer as the element that fails; docs/faults.md shows it. */
export function faultFlows(mockServer: () => MockServer): void {
  describe.each(MOCKSERVER_FAULTS.map((fault, index) => ({ fault, base: `/faults/${index}` })))(
    'when the first element fails by: $fault.name',
    ({ fault: { isEarly, action, expected }, base }) => {
      let outcomes: string[];

      beforeAll(async () => {
        const mock = mockServer();
        const path = `${base}/api/v1/files/upload`;
        await mock.expect({
          id: base,
          httpRequest: { method: 'POST', path, ...(isEarly && { respondBeforeBody: true }) },
          ...action,
        });
        const at = { url: mock.url + base };
        const cells = await Promise.all(CELLS.map(({ upload, elements }) => startCell(at, upload, elements)));
        outcomes = await Promise.all(cells.map(outcomeOf));
      });

      it.each(
        CELLS.map(({ upload, elements }, index) => ({
          upload: upload.name,
          at: elements === 'one' ? 'at one element' : 'beside a healthy second one',
          outcome: expected[elements],
          index,
        })),
      )('$upload, $at, ends in $outcome', ({ outcome, index }) => {
        expect(outcomes[index]).toBe(outcome);
      });
    },
  );
}
