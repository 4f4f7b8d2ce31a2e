import { decodeExtended } from 'content-disposition';

/** A parsed `Content-Disposition`: `form-data; name="file"; filename="a.txt"`. */
export interface ContentDisposition {
  /** In lower case. */
  readonly type: string;
  /** Names in lower case; `filename*` is decoded and replaces `filename`. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = String.raw`[!#$%&'*+.^_\x60|~0-9A-Za-z-]+`;
const TYPE = new RegExp(String.raw`^[ \t]*(${TOKEN})[ \t]*(?=;|$)`);
const PARAMETER = new RegExp(
  String.raw`;[ \t]*(?:(${TOKEN})[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))[ \t]*)?(?=;|$)`,
  'y',
);

/**
 * Parses strictly (RFC 6266 section 4.1, RFC 7578 section 4.2), where the library is lenient: a header that
 * does not fit the grammar or names a parameter twice gives undefined. Values may hold any Unicode character.
 */
export function parseContentDisposition(header: string): ContentDisposition | undefined {
  const type = TYPE.exec(header);
  if (!type?.[1]) return undefined;
  const raw = parseParameters(header, type[0].length);
  return raw && { type: type[1].toLowerCase(), parameters: withExtendedFilename(raw) };
}

function parseParameters(header: string, from: number): Map<string, string> | undefined {
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = from;
  while (PARAMETER.lastIndex < header.length) {
    const match = PARAMETER.exec(header);
    if (!match) return undefined;
    const [, name, quoted, token] = match;
    if (name === undefined) continue;
    if (parameters.has(name.toLowerCase())) return undefined;
    parameters.set(name.toLowerCase(), quoted === undefined ? (token ?? '') : unquote(quoted));
  }
  return parameters;
}

/** The extended form wins (RFC 6266 section 4.3); one that cannot be decoded leaves the plain one. */
function withExtendedFilename(parameters: Map<string, string>): Map<string, string> {
  const extended = parameters.get('filename*');
  const decoded = extended === undefined ? undefined : decodeExtended(extended);
  if (decoded !== undefined) parameters.set('filename', decoded);
  parameters.delete('filename*');
  return parameters;
}

/**
 * Browsers write `"` as %22 and line breaks as %0D %0A (WHATWG form-data encoding) and leave a backslash as
 * it is; older clients escape `"` and `\` by a backslash.
 */
function unquote(value: string): string {
  return value
    .replaceAll(/\\(["\\])/g, '$1')
    .replaceAll(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
