import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Elements, outcomesOf } from '../support/fault-cell.js';
import type { MockServer } from '../support/mockserver.js';
import { MOCKSERVER_FAULTS, MOCKSERVER_UPLOADS } from '../support/mockserver-faults.js';

const ELEMENTS: readonly Elements[] = ['one', 'two'];

/** The matrix of test/faults with MockServer as the element that fails; docs/faults.md shows it. */
export function faultFlows(mockServer: () => MockServer): void {
  describe.each(MOCKSERVER_FAULTS.map((fault, index) => ({ fault, base: `/faults/${index}` })))(
    'when the first element fails by: $fault.name',
    ({ fault: { isEarly, variables, action, expected }, base }) => {
      const outcomes: Record<Elements, string[]> = { one: [], two: [] };

      beforeAll(async () => {
        const mock = mockServer();
        const path = `${base}/api/v1/files/upload`;
        await mock.expect({
          id: base,
          httpRequest: { method: 'POST', path, ...(isEarly && { respondBeforeBody: true }) },
          ...action,
        });
        const at = { fault: { url: mock.url + base }, variables };
        await Promise.all(
          ELEMENTS.map(async (known) => {
            outcomes[known] = await outcomesOf(at, MOCKSERVER_UPLOADS, known);
          }),
        );
      });

      it.each(
        MOCKSERVER_UPLOADS.flatMap((upload, index) =>
          ELEMENTS.map((known) => ({ upload: upload.name, known, index })),
        ),
      )('$upload, with $known, ends as documented', ({ known, index }) => {
        expect(outcomes[known][index]).toBe(expected[known]);
      });
    },
  );
}
