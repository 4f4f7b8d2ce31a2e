import { describe } from '@jest/globals';
import { expectDocumented } from './fault-cells.js';
import { S3_FAULT_CASES } from './s3-fault-cases.js';

describe.each(S3_FAULT_CASES)('when the bucket that is the first element fails by: $name', (faultCase) => {
  expectDocumented(faultCase);
});
