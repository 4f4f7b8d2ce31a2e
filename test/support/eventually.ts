import { setTimeout as sleep } from 'node:timers/promises';

/** Tries until `check` holds; its last failure is thrown after `withinMs` milliseconds. */
export async function eventually(check: () => Promise<void>, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
}
