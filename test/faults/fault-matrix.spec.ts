import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { MOCKSERVER_FAULTS, MOCKSERVER_UPLOADS } from '../support/mockserver-faults.js';
import { FAULT_CASES, UPLOADS } from './fault-cases.js';
import { type Elements, outcomeOf, startCell } from '../support/fault-cell.js';
import { faultPage } from './fault-page.js';

const PAGE = join(import.meta.dirname, '../../docs/faults.md');

const ELEMENTS: readonly Elements[] = ['one', 'two'];
const CELLS = UPLOADS.flatMap((upload) => ELEMENTS.map((elements) => ({ upload, elements })));

describe.each(FAULT_CASES)('when the first element fails by: $name', ({ fault, variables, expected }) => {
  let outcomes: string[];

  // Most of the time goes by waiting, so the cells of a fault wait together. Starting them takes the processor from
  // what has short timeouts, so it comes first.
  beforeAll(async () => {
    const cells = await Promise.all(
      CELLS.map(({ upload, elements }) => startCell(fault, upload, elements, variables?.(upload.bytes))),
    );
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
});

describe('docs/faults.md', () => {
  it('shows every cell of the matrix; UPDATE_DOCS=1 writes it', async () => {
    const page = faultPage(
      { faults: FAULT_CASES, uploads: UPLOADS },
      { faults: MOCKSERVER_FAULTS, uploads: MOCKSERVER_UPLOADS },
    );
    if (process.env.UPDATE_DOCS === '1') await writeFile(PAGE, page);
    expect(await readFile(PAGE, 'utf8')).toBe(page);
  });
});
