import { decodeExtended } from 'content-disposition';
import { formParameters, httpParameters, type Parameters } from './header-parameters.js';

/** A parsed `Content-Disposition`: `form-data; name="file"; filename="a.txt"`. */
export interface ContentDisposition {
  /** In lower case. */
  readonly type: string;
  /** Names in lower case; `filename*` is decoded and replaces `filename`. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TYPE = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*(?=;|$)/;

/**
 * Parses the header of a whole message (RFC 6266 section 4.1) strictly, where the library is lenient: one that does
 * not fit the grammar or names a parameter twice gives undefined. Values may hold any Unicode character.
 */
export function parseDisposition(header: string): ContentDisposition | undefined {
  return parse(header, httpParameters);
}

/** Parses the header of a part of a form (RFC 7578 section 4.2) as strictly; its quotes are written in another way. */
export function parseFormDisposition(header: string): ContentDisposition | undefined {
  return parse(header, formParameters);
}

function parse(
  header: string,
  readParameters: (text: string) => Parameters | undefined,
): ContentDisposition | undefined {
  const type = TYPE.exec(header);
  if (!type?.[1]) return undefined;
  const given = readParameters(header.slice(type[0].length));
  const parameters = new Map(given);
  if (parameters.size !== given?.length) return undefined;
  return { type: type[1].toLowerCase(), parameters: withExtendedFilename(parameters) };
}

/** The extended form wins (RFC 6266 section 4.3); one that cannot be decoded leaves the plain one. */
function withExtendedFilename(parameters: Map<string, string>): Map<string, string> {
  const extended = parameters.get('filename*');
  const decoded = extended === undefined ? undefined : decodeExtended(extended);
  if (decoded !== undefined) parameters.set('filename', decoded);
  parameters.delete('filename*');
  return parameters;
}
