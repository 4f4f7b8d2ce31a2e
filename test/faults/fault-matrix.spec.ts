import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MOCKSERVER_FAULTS, MOCKSERVER_UPLOADS } from '../support/mockserver-faults.js';
import { FAULT_CASES, type FaultCase, uploadsOf } from './fault-cases.js';
import { expectDocumented } from './fault-cells.js';
import { type FaultRows, faultPage } from './fault-page.js';
import { S3_FAULT_CASES } from './s3-fault-cases.js';

const PAGE = join(import.meta.dirname, '../../docs/faults.md');

expectDocumented('the first element', FAULT_CASES);

describe('docs/faults.md', () => {
  it('shows every cell of the matrix; UPDATE_DOCS=1 writes it', async () => {
    const page = faultPage({
      ours: rowsOf(FAULT_CASES),
      buckets: rowsOf(S3_FAULT_CASES),
      mockServer: MOCKSERVER_FAULTS.map((faultCase) => ({ faultCase, uploads: MOCKSERVER_UPLOADS })),
    });
    if (process.env.UPDATE_DOCS === '1') await writeFile(PAGE, page);
    expect(await readFile(PAGE, 'utf8')).toBe(page);
  });

  function rowsOf(cases: readonly FaultCase[]): FaultRows[] {
    return cases.map((faultCase) => ({ faultCase, uploads: uploadsOf(faultCase) }));
  }
});
