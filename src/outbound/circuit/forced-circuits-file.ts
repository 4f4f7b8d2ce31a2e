import { z } from 'zod';
import type { ForcedOrder } from './circuit-state.js';

/** By which the file is known as ours, whatever else is in the folder. */
const FORMAT = 'ingester-forced-circuits';
const VERSION = 1;

/** The latest time that a date can hold. */
const timeMs = z.number().int().min(0).max(8.64e15);

const fileSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  circuits: z.record(
    z.string(),
    z.object({
      reason: z.string(),
      by: z.string(),
      openedAtMs: timeMs,
      /** null: only a reset ends it. */
      retryAtMs: timeMs.nullable(),
    }),
  ),
});

/** By the name of the circuit. */
type ForcedOrders = Readonly<Record<string, ForcedOrder>>;

/** The text that says which circuits are open by hand. */
export function writtenForced(orders: ForcedOrders): string {
  return `${JSON.stringify({ format: FORMAT, version: VERSION, circuits: orders }, null, 2)}\n`;
}

/** What `writtenForced` wrote. @throws Error for any other text */
export function readForced(text: string): ForcedOrders {
  return fileSchema.parse(JSON.parse(text)).circuits;
}
