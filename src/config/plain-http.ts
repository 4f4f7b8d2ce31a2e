import { isIPv4 } from 'node:net';
import type { DriverSettings } from './element-settings.js';
import { serviceTokenVariables } from './service-token.variables.js';
import { settingsNamed } from './storage-elements.variable.js';

type Given = Record<string, string | undefined>;

/**
 * To these go our secret and our tokens, or from these come the keys that we trust: whoever is on the way could read the
 * ones and change the others.
 */
const GUARDED_URLS = ['JWT_JWKS_URL', 'SERVICE_TOKEN_URL', 'ADMIN_URL'];

/** Here only where headers go along, which are made for secrets. */
const COLLECTOR_URLS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];
const COLLECTOR_HEADERS = ['OTEL_EXPORTER_OTLP_HEADERS', 'OTEL_EXPORTER_OTLP_TRACES_HEADERS'];

/** Names each URL that is not encrypted, goes to another machine, and is not among `PLAIN_HTTP_HOSTS`. */
export function plainHttpProblems(given: Given, drivers: readonly DriverSettings[]): string[] {
  const allowed = serviceTokenVariables.PLAIN_HTTP_HOSTS.safeParse(given.PLAIN_HTTP_HOSTS).data ?? [];
  if (allowed.includes('*')) return [];
  const hosts = new Set(allowed.map((host) => host.toLowerCase()));
  return guardedUrls(given, drivers).flatMap(([name, value]) => {
    const host = plainHttpHost(value);
    if (host === undefined || hosts.has(host) || isLoopback(host)) return [];
    return `${name}: must be https with NODE_ENV=production, unless PLAIN_HTTP_HOSTS names ${host}`;
  });
}

function guardedUrls(
  given: Given,
  drivers: readonly DriverSettings[],
): [name: string, url: string | undefined][] {
  const sendsHeaders = COLLECTOR_HEADERS.some((name) => given[name]);
  const names = [
    ...GUARDED_URLS,
    ...(sendsHeaders ? COLLECTOR_URLS : []),
    // It is called where people sign in, and else only compared.
    ...(given.OIDC_CLIENT_ID ? ['JWT_ISSUER'] : []),
  ];
  return [
    ...names.map((name): [string, string | undefined] => [name, given[name]]),
    ...(given.OIDC_ORIGINS ?? '')
      .split(',')
      .map((origin): [string, string] => ['OIDC_ORIGINS', origin.trim()]),
    ...settingsNamed('urlSetting', given.STORAGE_ELEMENTS, drivers).map(
      ({ name, value }): [string, string] => [name, value],
    ),
  ];
}

/** The host as `URL` writes it, which is one way for each address: `127.1` is `127.0.0.1`. */
function plainHttpHost(value = ''): string | undefined {
  const url = URL.parse(value);
  return url?.protocol === 'http:' ? url.hostname : undefined;
}

/** RFC 1122, section 3.2.1.3, and RFC 4291, section 2.5.3. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
