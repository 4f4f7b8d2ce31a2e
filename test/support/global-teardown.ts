import { rm } from 'node:fs/promises';

/** Ends what `global-setup.ts` has begun. */
export default async function endRun(): Promise<void> {
  await globalThis.testRun?.server?.dispose();
  if (globalThis.testRun) await rm(globalThis.testRun.folder, { recursive: true, force: true });
}
