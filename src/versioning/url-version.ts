/** What a request target says about the version. */
export interface VersionedUrl {
  /** The digits after `v`, or undefined where the URL names no version. */
  readonly version: string | undefined;
  /** The target without the version, as controllers declare it. */
  readonly url: string;
}

/**
 * `/api/vN`, at the start of the path and as a whole segment, after the scheme and authority of an absolute-form
 * target (RFC 9112, 3.2.2) where there is one. Paths are compared by case, so `/api/V1` names no version.
 */
const VERSIONED = /^((?:https?:\/\/[^/?#]*)?\/api)\/v(\d+)(?=[/?#]|$)/;

/** Splits the version off a request target: `/api/v1/files?x` is version `1` of `/api/files?x`. */
export function splitVersion(url: string): VersionedUrl {
  const match = VERSIONED.exec(url);
  if (!match) return { version: undefined, url };
  const [versioned, prefix = '', version] = match;
  return { version, url: prefix + url.slice(versioned.length) };
}
