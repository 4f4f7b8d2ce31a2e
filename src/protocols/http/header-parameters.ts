/** Name, in lower case, and value of each parameter of a header, in their order. */
export type Parameters = readonly (readonly [name: string, value: string])[];

/** How the values in quotes are written. */
interface Quoting {
  /** One `; name=value`. Values without quotes may hold more than a token: many clients write boundaries so. */
  readonly parameter: RegExp;
  readonly unquote: (quoted: string) => string;
}

/**
 * RFC 9110 section 5.6.4, and older forms: a backslash stands before a quote, and mostly before another one. Nothing else
 * needs one, so that anywhere else it is itself, as Go reads it: of a client that has not written it twice.
 */
const ESCAPED: Quoting = {
  parameter:
    /;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s";]+))[ \t]*)?(?=;|$)/suy,
  unquote: (quoted) => quoted.replaceAll(/\\(["\\])/g, '$1'),
};

/** WHATWG HTML, "multipart/form-data encoding algorithm": a backslash is itself. */
const BROWSER_FORM: Quoting = {
  parameter: /;[ \t]*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"([^"]*)"|([^\s";]+))[ \t]*)?(?=;|$)/suy,
  unquote: (quoted) =>
    quoted.replaceAll(/%(22|0D|0A)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
};

/** Reads `; name=value; …` as HTTP writes it (RFC 9110 section 5.6.6). Undefined for what does not fit. */
export function httpParameters(text: string): Parameters | undefined {
  return parse(text, ESCAPED);
}

/**
 * Reads the same as forms write it: as browsers do, and as older clients do where that alone makes sense. What a
 * browser writes has no quote within quotes, so it is never read in the older way.
 */
export function formParameters(text: string): Parameters | undefined {
  return parse(text, BROWSER_FORM) ?? parse(text, ESCAPED);
}

function parse(text: string, { parameter, unquote }: Quoting): Parameters | undefined {
  const parameters: [string, string][] = [];
  parameter.lastIndex = 0;
  while (parameter.lastIndex < text.length) {
    const match = parameter.exec(text);
    if (!match) return undefined;
    const [, name, quoted, bare = ''] = match;
    if (name !== undefined)
      parameters.push([name.toLowerCase(), quoted === undefined ? bare : unquote(quoted)]);
  }
  return parameters;
}
