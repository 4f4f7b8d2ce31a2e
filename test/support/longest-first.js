import TestSequencer from '@jest/test-sequencer';

/** Short spec files that take long, the longest first: Jest begins with large ones where it has not run them yet. */
const LONG = [
  'test/mockserver/mockserver.spec.ts',
  'test/faults/kill-resumable.spec.ts',
  'test/faults/kill.spec.ts',
  'test/process/start.spec.ts',
  'test/faults/fault-matrix.spec.ts',
  'test/integration/delivery-leases.spec.ts',
  'test/process/demo.spec.ts',
  'test/attacks/misbehaving-clients.spec.ts',
  'test/faults/s3-fault-matrix.spec.ts',
  'test/process/shutdown.spec.ts',
  'test/process/log-output.spec.ts',
  'test/integration/upload-model-replicas.spec.ts',
  'test/integration/idle-uploads.spec.ts',
  'test/attacks/regular-expressions.spec.ts',
  'test/attacks/public-pages.spec.ts',
  'test/clients/browser.spec.ts',
];

const rank = ({ path }) => LONG.findIndex((name) => path.endsWith(`/${name}`));

/** Keeps a run from ending with one worker that still has a minute to go. The order of files decides nothing else. */
export default class LongestFirst extends TestSequencer {
  sort(tests) {
    const long = tests.filter((test) => rank(test) >= 0);
    const others = tests.filter((test) => rank(test) < 0);
    // oxlint-disable-next-line unicorn/no-array-sort -- it is Jest's own
    return [...long.toSorted((one, other) => rank(one) - rank(other)), ...super.sort(others)];
  }
}
