import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { MOCKSERVER_FAULTS, MOCKSERVER_UPLOADS } from '../support/mockserver-faults.js';
import { type Elements, outcomesOf } from '../support/fault-cell.js';
import { isLongRun } from '../support/long-run.js';
import { FAULT_CASES, uploadsOf } from './fault-cases.js';
import { faultPage } from './fault-page.js';

const PAGE = join(import.meta.dirname, '../../docs/faults.md');

const ELEMENTS: readonly Elements[] = ['one', 'two'];

describe.each(FAULT_CASES)('when the first element fails by: $name', (faultCase) => {
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
});

describe('docs/faults.md', () => {
  it('shows every cell of the matrix; UPDATE_DOCS=1 writes it', async () => {
    const page = faultPage(
      FAULT_CASES.map((faultCase) => ({ faultCase, uploads: uploadsOf(faultCase) })),
      MOCKSERVER_FAULTS.map((faultCase) => ({ faultCase, uploads: MOCKSERVER_UPLOADS })),
    );
    if (process.env.UPDATE_DOCS === '1') await writeFile(PAGE, page);
    expect(await readFile(PAGE, 'utf8')).toBe(page);
  });
});
