import { Inject, Injectable } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { acceptedVersions } from './accepted-versions.js';
import { API_VERSION_TABLE, type ApiVersion, type ApiVersionTable } from './api-versions.js';
import { splitVersion } from './url-version.js';
import { versionHeaders } from './version-headers.js';

/** Token of the wall clock that sunsets are measured by, in milliseconds since the epoch. */
export const VERSIONING_CLOCK = Symbol('VERSIONING_CLOCK');

/** Which version a request gets, or why it gets none. */
export interface VersionChoice {
  readonly version: string;
  /** The request target without its version. */
  readonly url: string;
  /** Set on every answer, a refusal included. */
  readonly headers: ReadonlyMap<string, string>;
  /** UNKNOWN_API_VERSION, VERSION_NOT_ACCEPTABLE or API_VERSION_SUNSET. */
  readonly refusal?: ServiceError;
}

interface KnownVersion extends ApiVersion {
  readonly headers: ReadonlyMap<string, string>;
}

/** Decides which version of the API a request gets: by its URL, else by its `Accept`, else the default one. */
@Injectable()
export class ApiVersionsService {
  private readonly known: ReadonlyMap<string, KnownVersion>;
  private readonly fallback: KnownVersion;

  constructor(
    @Inject(API_VERSION_TABLE) { versions, defaultVersion }: ApiVersionTable,
    @Inject(VERSIONING_CLOCK) private readonly now: () => number,
  ) {
    const current = versions.at(-1)?.version ?? defaultVersion;
    this.known = new Map(
      versions.map((entry) => [entry.version, { ...entry, headers: versionHeaders(entry, current) }]),
    );
    const fallback = this.known.get(defaultVersion);
    if (!fallback)
      throw new RangeError(`defaultVersion should be one of the versions, got ${defaultVersion}`);
    this.fallback = fallback;
  }

  /** @param target the request target, as `/api/v1/files?x=1` */
  choose(target: string, accept: string | undefined): VersionChoice {
    const { version, url } = splitVersion(target);
    const wanted = version === undefined ? this.byAccept(accept) : this.known.get(version);
    const served = wanted ?? this.fallback;
    return { version: served.version, headers: served.headers, url, refusal: this.refusal(wanted, version) };
  }

  /** The most wanted version that is served, else one that was; undefined when only unknown ones are named. */
  private byAccept(accept: string | undefined): KnownVersion | undefined {
    const wanted = acceptedVersions(accept);
    if (wanted.length === 0) return this.fallback;
    const known = wanted.flatMap(({ version }) =>
      version === undefined ? this.fallback : (this.known.get(version) ?? []),
    );
    return known.find((entry) => !this.isSunset(entry)) ?? known[0];
  }

  private isSunset({ sunsetAt }: ApiVersion): boolean {
    return sunsetAt !== undefined && this.now() >= sunsetAt.getTime();
  }

  private refusal(wanted: ApiVersion | undefined, urlVersion: string | undefined): ServiceError | undefined {
    if (wanted) return this.isSunset(wanted) ? sunset(wanted) : undefined;
    const supported = this.served();
    const advice = `Served: ${supported.join(', ')}.`;
    return urlVersion === undefined
      ? new ServiceError('VERSION_NOT_ACCEPTABLE', `Accept names no API version that is served. ${advice}`, {
          members: { supported },
        })
      : new ServiceError(
          'UNKNOWN_API_VERSION',
          `The URL names an API version that does not exist. ${advice}`,
          {
            members: { supported },
          },
        );
  }

  private served(): string[] {
    return [...this.known.values()].filter((entry) => !this.isSunset(entry)).map(({ version }) => version);
  }
}

function sunset({ version, sunsetAt, successor }: ApiVersion): ServiceError {
  const end = sunsetAt ? ` since ${sunsetAt.toISOString()}` : '';
  const advice = successor ? ` Use version ${successor}.` : '';
  return new ServiceError('API_VERSION_SUNSET', `API version ${version} is no longer served${end}.${advice}`);
}
