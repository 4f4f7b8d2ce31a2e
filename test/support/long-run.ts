/** `npm run test:long` asks for more: more rounds, more random cases, larger bodies. */
export const isLongRun = process.env.TEST_LONG === '1';

/** How much of something: as much as tells a fault in a minute, or in a long run as much as finds a rare one. */
export function inLongRun(many: number, usually: number): number {
  return isLongRun ? many : usually;
}

/** How many random cases a property is tried with. */
export function casesOf(usually: number): number {
  return inLongRun(20 * usually, usually);
}
