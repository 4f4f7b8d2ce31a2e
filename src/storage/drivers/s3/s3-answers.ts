import { XMLParser } from 'fast-xml-parser';
import { z } from 'zod';

/** What a store answered to one request. */
export interface S3Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Did the whole of a payload go out before the answer? */
  readonly bodySent: boolean;
}

/** What a store says of what went wrong; an answer to HEAD has no text to say it in. */
export interface S3Complaint {
  readonly code: string;
  readonly message: string;
  /** Where the bucket is, if that is what went wrong. */
  readonly region?: string;
}

/** Elements that may come any number of times. */
const LISTED = new Set(['Part', 'Upload', 'Contents']);

/** Values stay text: an ETag of digits is no number. */
const parser = new XMLParser({ parseTagValue: false, isArray: (name) => LISTED.has(name) });

const complaintSchema = z.looseObject({
  Code: z.string(),
  Message: z.string().default(''),
  Region: z.string().optional(),
});

/** An element with others in it; one that has none is read as a text of no characters. */
export function elementOf<T extends z.ZodRawShape>(members: T) {
  return z.preprocess((value) => (value === '' ? {} : value), z.looseObject(members));
}

/** The XML as an object; an empty one where it is none. */
export function xmlOf(text: string): Readonly<Record<string, unknown>> {
  if (!text.trimStart().startsWith('<')) return {};
  try {
    return z.record(z.string(), z.unknown()).parse(parser.parse(text.trimStart()));
  } catch {
    return {};
  }
}

/** The `<Error>` of an answer, which may have any status; undefined where there is none. */
export function complaintOf({ text }: Pick<S3Answer, 'text'>): S3Complaint | undefined {
  if (text === '') return undefined;
  const { data } = complaintSchema.safeParse(xmlOf(text).Error);
  return data && { code: data.Code, message: data.Message, region: data.Region };
}

/** The value of a header that comes once. */
export function headerOf({ headers }: Pick<S3Answer, 'headers'>, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Text as it stands in an element. */
export function xmlText(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? character);
}
