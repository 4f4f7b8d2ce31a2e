import { z } from 'zod';

/** What it takes to go on. Which parts there are the store is asked itself. */
export interface UploadState {
  readonly key: string;
  readonly uploadId: string;
  readonly attempt: string;
  readonly partBytes: number;
  /** Was the object begun so that it takes a companion? */
  readonly hasCompanion: boolean;
}

const stateSchema = z.object({
  key: z.string(),
  uploadId: z.string(),
  attempt: z.string(),
  partBytes: z.int().positive(),
  hasCompanion: z.boolean(),
});

export function stateText(state: UploadState): string {
  return JSON.stringify(state);
}

/** Undefined for what is no state of an upload to `key`: of another driver, or of another setting. */
export function stateOf(text: string | undefined, key?: string): UploadState | undefined {
  if (text === undefined) return undefined;
  try {
    const state = stateSchema.parse(JSON.parse(text));
    return key === undefined || state.key === key ? state : undefined;
  } catch {
    return undefined;
  }
}
