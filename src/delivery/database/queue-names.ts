/** Queues apart, so that large files do not keep small ones waiting, nor deliveries what comes after them. */
export const LANES = ['small', 'large', 'registration', 'removal'] as const;

export type Lane = (typeof LANES)[number];

export function queueName(lane: Lane): string {
  return `ingester-${lane}`;
}
