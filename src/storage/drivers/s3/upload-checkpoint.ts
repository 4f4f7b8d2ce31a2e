import { z } from 'zod';

/**
 * Where it is written down how far an upload is, so that another attempt goes on with it, in this process or in another, after
 * a crash as well. The text is the driver's own. An upload that fails for now is left as it is, for that attempt; who gives it up
 * for good has the driver discard it.
 */
export interface UploadCheckpoint {
  /** What was saved last, by whichever attempt; undefined where nothing was. */
  load(): string | undefined;
  /** Called before anything is sent that is to be found again; undefined once there is nothing to go on with. */
  save(state: string | undefined): Promise<void>;
}

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
