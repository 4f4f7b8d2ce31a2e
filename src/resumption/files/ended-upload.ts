import { z } from 'zod';
import { endFrom, endText, type UploadEnd } from './upload-end.js';
import { infoFrom, infoText, type UploadInfo } from './upload-info.js';

/** An upload that needs no folder: it has ended, and its bytes were never in files. */
interface EndedUpload {
  readonly info: UploadInfo;
  readonly end: UploadEnd;
}

const schema = z.object({ info: z.string(), end: z.string() });

/** What it is, and how it ended, as one text. */
export function endedText(info: UploadInfo, end: UploadEnd): string {
  return JSON.stringify({ info: infoText(info), end: endText(end) });
}

/** The way back; undefined for a text that a crash has left. @throws Error for an upload that is not ours */
export function endedFrom(text: string): EndedUpload | undefined {
  const parsed = schema.safeParse(jsonOf(text));
  const end = parsed.success ? endFrom(parsed.data.end) : undefined;
  return parsed.success && end ? { info: infoFrom(parsed.data.info), end } : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
