/** A version of the API, and where it stands in its life. */
export interface ApiVersion {
  /** As in the URL after `v`: digits, without a leading zero. */
  readonly version: string;
  /** From when on callers should move away; may lie ahead. */
  readonly deprecatedAt?: Date;
  /** From when on the answer is 410. */
  readonly sunsetAt?: Date;
  /** The version to move to. */
  readonly successor?: string;
  /** Where the deprecation is explained, a URL or an absolute path. */
  readonly deprecationLink?: string;
}

export interface ApiVersionTable {
  /** Every version that is or was served, oldest first; the last one is the current one. */
  readonly versions: readonly [ApiVersion, ...ApiVersion[]];
  /** Served to requests that name no version. */
  readonly defaultVersion: string;
}

/** Token of the table, so that a test can add a version. */
export const API_VERSION_TABLE = Symbol('API_VERSION_TABLE');

export const SERVED_API_VERSIONS: ApiVersionTable = {
  versions: [{ version: '1' }],
  defaultVersion: '1',
};
