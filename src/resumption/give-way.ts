import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds that the first try gives way for at most. */
const FIRST_MS = 10;

/** Lets others go first who take the same upload: for a time by chance, or all would do so again and again; longer with each try. */
export function giveWay(tries: number): Promise<void> {
  return sleep(Math.random() * FIRST_MS * 2 ** tries);
}
