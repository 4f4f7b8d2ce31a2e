import { z } from 'zod';

const savedSchema = z.object({ target: z.string(), state: z.string() });

/** How far the upload to a target is; `state` is the text of its driver. The row of a task keeps it as JSON. */
export type SavedCheckpoint = Readonly<z.infer<typeof savedSchema>>;

export function checkpointFrom(text: string | null): SavedCheckpoint | undefined {
  return text === null ? undefined : savedSchema.parse(JSON.parse(text));
}

export function checkpointText(checkpoint: SavedCheckpoint | undefined): string | null {
  return checkpoint ? JSON.stringify(checkpoint) : null;
}
