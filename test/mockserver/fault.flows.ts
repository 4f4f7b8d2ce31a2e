import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Elements, outcomesOf } from '../support/fault-cell.js';
import { measuredAhead } from '../support/faults-ahead.js';
import type { MockServer } from '../support/mockserver.js';
import { MOCKSERVER_FAULTS, MOCKSERVER_UPLOADS } from '../support/mockserver-faults.js';

const ELEMENTS: readonly Elements[] = ['one', 'two'];

/** The matrix of test/faults with MockServer as the element that fails; docs/faults.md shows it. */
export function faultFlows(mockServer: () => MockServer): void {
  const measured = measuredAhead(MOCKSERVER_FAULTS, async ({ isEarly, variables, action, name }) => {
    const mock = mockServer();
    const base = `/faults/${MOCKSERVER_FAULTS.findIndex((fault) => fault.name === name)}`;
    const path = `${base}/api/v1/files/upload`;
    await mock.expect({
      id: base,
      httpRequest: { method: 'POST', path, ...(isEarly && { respondBeforeBody: true }) },
      ...action,
    });
    const at = { fault: { url: mock.url + base }, variables };
    const [one, two] = await Promise.all(ELEMENTS.map((known) => outcomesOf(at, MOCKSERVER_UPLOADS, known)));
    return { one, two };
  });

  describe.each(MOCKSERVER_FAULTS.map((fault) => ({ fault })))(
    'when the first element fails by: $fault.name',
    ({ fault }) => {
      let outcomes: Awaited<ReturnType<typeof measured>>;

      beforeAll(async () => {
        outcomes = await measured(fault);
      });

      it.each(
        MOCKSERVER_UPLOADS.flatMap((upload, index) =>
          ELEMENTS.map((known) => ({ upload: upload.name, known, index })),
        ),
      )('$upload, with $known, ends as documented', ({ known, index }) => {
        expect(outcomes[known]?.[index]).toBe(fault.expected[known]);
      });
    },
  );
}
