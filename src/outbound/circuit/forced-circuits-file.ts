import { z } from 'zod';
import type { CircuitSnapshot } from './circuit-snapshot.js';

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

type Snapshots = Readonly<Record<string, CircuitSnapshot>>;

/** The text that says which of the circuits are open by hand; what calls did to them is left out. */
export function writtenForced(snapshots: Snapshots): string {
  const forced = Object.entries(snapshots).flatMap(([name, snapshot]) => {
    if (snapshot.state !== 'open' || !snapshot.forced) return [];
    const { openedAtMs, retryAtMs } = snapshot;
    return [[name, { ...snapshot.forced, openedAtMs, retryAtMs }] as const];
  });
  const file = { format: FORMAT, version: VERSION, circuits: Object.fromEntries(forced) };
  return `${JSON.stringify(file, null, 2)}\n`;
}

/** What `writtenForced` wrote. @throws Error for any other text */
export function readForced(text: string): Snapshots {
  const { circuits } = fileSchema.parse(JSON.parse(text));
  return Object.fromEntries(
    Object.entries(circuits).map(([name, { reason, by, openedAtMs, retryAtMs }]) => [
      name,
      { state: 'open', failuresAtMs: [], openings: 0, openedAtMs, retryAtMs, forced: { reason, by } },
    ]),
  );
}
