import type { S3Settings } from './s3-settings.js';

/** Where a bucket is: which host is asked, and by which path. */
export class S3Endpoint {
  readonly origin: string;
  /** The header `host`, which is signed: with the port where it is not the usual one. */
  readonly host: string;
  readonly #bucketPath: string;

  constructor({ bucket, region, endpoint, pathStyle }: Pick<S3Settings, EndpointMembers>) {
    const url = new URL(endpoint ?? `https://s3.${region}.${domainOf(region)}`);
    const byPath = pathStyle ?? (endpoint !== undefined || bucket.includes('.'));
    if (!byPath) url.hostname = `${bucket}.${url.hostname}`;
    this.origin = url.origin;
    this.host = url.host;
    const base = url.pathname.replace(/\/$/, '');
    this.#bucketPath = byPath ? `${base}/${bucket}` : base;
  }

  get isEncrypted(): boolean {
    return this.origin.startsWith('https:');
  }

  /** The path of an object, or of the bucket; as it is sent and as it is signed. */
  path(key?: string): string {
    if (key === undefined) return this.#bucketPath || '/';
    return `${this.#bucketPath}/${key.split('/').map(encoded).join('/')}`;
  }
}

type EndpointMembers = 'bucket' | 'region' | 'endpoint' | 'pathStyle';

/** AWS has another domain in China. */
function domainOf(region: string): string {
  return region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
}

/** Percent-encodes all but what RFC 3986 calls unreserved, once, as signatures want it. */
export function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The query as it is sent and signed: sorted, and encoded once. */
export function queryText(query: Readonly<Record<string, string>>): string {
  return Object.entries(query)
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted()
    .join('&');
}
