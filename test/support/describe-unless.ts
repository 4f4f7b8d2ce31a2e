import { describe } from '@jest/globals';

/** `describe`, or where something is lacking one that skips, and says in a line why. */
export function describeUnless(lack: string | undefined): typeof describe | typeof describe.skip {
  if (lack === undefined) return describe;
  process.stdout.write(`Some tests are skipped: ${lack}.\n`);
  return describe.skip;
}
