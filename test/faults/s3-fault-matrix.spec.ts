import { expectDocumented } from './fault-cells.js';
import { S3_FAULT_CASES } from './s3-fault-cases.js';

expectDocumented('the bucket that is the first element', S3_FAULT_CASES);
