import { httpParameters } from './header-parameters.js';

/** RFC 7578 section 4.4 and RFC 9110 section 8.3: what a file is when nobody says. */
const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/** The type of a file as it is kept, shown and passed on; undefined for what is not ASCII (RFC 9110 section 8.3). */
export function declaredContentType(given: string | undefined): string | undefined {
  const contentType = given || DEFAULT_CONTENT_TYPE;
  return /^[\t\x20-\x7e]+$/.test(contentType) ? contentType : undefined;
}

/**
 * The values that a `Content-Type` gives a parameter: none, one, or several that contradict each other. Undefined
 * where its parameters cannot be read.
 */
export function parameterValues(contentType: string, parameter: string): readonly string[] | undefined {
  const start = contentType.indexOf(';');
  const parameters = httpParameters(start < 0 ? '' : contentType.slice(start));
  return parameters?.filter(([name]) => name === parameter).map(([, value]) => value);
}
