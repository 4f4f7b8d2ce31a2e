/** A media range of an `Accept` header that our JSON fits, and how much the client wants it. */
export interface AcceptedVersion {
  /** The version that the range names; undefined where any version will do. */
  readonly version: string | undefined;
  readonly quality: number;
}

const VENDOR_TYPE = /^application\/vnd\.ingester\.v(\d+)\+json$/;
const ANY_JSON = /^(?:\*\/\*|application\/\*|application\/json)$/;
const NAMES_A_VERSION = /vnd\.ingester\.v|version\s*=/i;
/** The value begins where the blanks end. Were some of them left to it, the time would grow with their square. */
const PARAMETER = /^([^=\s]+)\s*=\s*(?!\s)"?([^"]*)"?$/;

/**
 * Reads the versions that an `Accept` header asks for (RFC 9110, 12.5.1), the most wanted first and at equal
 * quality the ones that name a version first: `application/vnd.ingester.v1+json`, `application/json;version=1`,
 * and ranges such as `application/*` that take any version. Other media types say nothing about the version.
 * Gives nothing at all for a header without a version in it.
 */
export function acceptedVersions(accept: string | undefined): AcceptedVersion[] {
  if (accept === undefined || !NAMES_A_VERSION.test(accept)) return [];
  return accept
    .split(',')
    .flatMap((range) => readRange(range))
    .filter(({ quality }) => quality > 0)
    .toSorted((a, b) => b.quality - a.quality || Number(!a.version) - Number(!b.version));
}

function readRange(range: string): AcceptedVersion[] {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const quality = Number(parameter(parameters, 'q') ?? 1);
  const vendorVersion = VENDOR_TYPE.exec(type)?.[1];
  if (vendorVersion !== undefined) return [{ version: vendorVersion, quality }];
  if (!ANY_JSON.test(type)) return [];
  return [{ version: type === 'application/json' ? parameter(parameters, 'version') : undefined, quality }];
}

function parameter(parameters: readonly string[], name: string): string | undefined {
  const found = parameters.map((text) => PARAMETER.exec(text));
  return found.find((match) => match?.[1] === name)?.[2];
}
