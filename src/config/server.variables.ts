import { z } from 'zod';
import { got } from './describe-issue.js';
import {
  baseUrl,
  bytes,
  count,
  flagOrUnset,
  list,
  listOf,
  milliseconds,
  oneOf,
  wholeNumber,
} from './variables.js';

/** What Express takes as `trust proxy`, but for a number of hops, which any client could make up. */
const TRUSTED_PROXY = z
  .union([z.enum(['loopback', 'linklocal', 'uniquelocal']), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
    error: ({ input }) =>
      `must be addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal${got(input)}`,
  })
  .refine((network) => !network.endsWith('/0'), 'must not trust every address');

export const serverVariables = {
  NODE_ENV: oneOf(
    'What the process runs as. `production` starts only with real keys and storage elements.',
    ['development', 'test', 'production'],
    'development',
  ),
  HOST: z.string().min(1).default('0.0.0.0').meta({ description: 'Address to listen on.', unit: 'address' }),
  PORT: wholeNumber(0, 65_535)
    .default(8020)
    .meta({ description: 'Port to listen on; 0 takes a free one.', unit: 'port' }),
  MANAGEMENT_PORT: wholeNumber(0, 65_535).optional().meta({
    description:
      'Port for `/metrics`, `/docs` and the details of `/health`, which the other one then does not have; 0 takes a free one. Unset: `PORT` has them all.',
    unit: 'port',
  }),
  MANAGEMENT_HOST: z
    .string()
    .min(1)
    .optional()
    .meta({ description: 'Address to listen on for that port. Unset: `HOST`.', unit: 'address' }),
  DOCS_ENABLED: flagOrUnset(
    'Are there `/docs` and `/docs/json`? Unset: not in production, else yes, whatever port they are at.',
  ),
  CONSOLE_ENABLED: flagOrUnset(
    'Is there a console for operators at `/console`? Unset: not in production, else yes.',
  ),
  UPLOAD_PAGE_ENABLED: flagOrUnset(
    'Is there a page to upload with at `/`? Unset: not in production, else yes.',
  ),
  PUBLIC_URL: baseUrl(
    'Where callers reach the service, such as `https://example.com/files` behind a proxy that takes `/files` off the path: for `Location` and the API documentation. Unset: paths alone.',
  ),
  REPLICA_ADDRESS: baseUrl(
    'Where other replicas reach this process, such as `http://10.0.0.7:8020`. Unset: `HOST`, or its first address where that is all of them, and its port.',
  ),
  DATA_DIR: z.string().min(1).default('./data').meta({
    description:
      'Folder for everything the service itself keeps: development keys, local storage, the spool, circuits that are open by hand.',
    unit: 'path',
  }),
  CORS_ORIGINS: list(
    'Origins from which browsers may upload. Empty: same origin only. `*` allows every origin.',
    /^(\*|https?:\/\/[^/\s@]+)$/,
    'must be origins such as https://app.example, without a path',
  ),
  TRUSTED_PROXIES: listOf(
    'Proxies whose `X-Forwarded-For` names the client in the log: addresses, networks such as `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`. Empty: none, the header is ignored.',
    TRUSTED_PROXY,
  ),
  MAX_HEADER_BYTES: bytes('Largest header section of a request; above it the answer is 431.', 32_768, 1024),
  HEADERS_TIMEOUT_MS: milliseconds('Time a client has to send its request headers.', 30_000),
  MAX_CONNECTIONS: count(
    'Most connections at once; one beyond it is answered where it asks for `/health`, and else gets 503. 0: two thirds of the file descriptors that the process may open, 10000 at most.',
    'connections',
    0,
  ),
  KEEP_ALIVE_TIMEOUT_MS: milliseconds('Time an idle connection is kept open.', 65_000),
  SHUTDOWN_GRACE_MS: milliseconds(
    'Time that uploads in flight have to finish after SIGTERM, before they are aborted. 0: at once.',
    30_000,
    0,
  ),
  SHUTDOWN_DRAIN_DELAY_MS: milliseconds(
    'Time after SIGTERM in which the port stays open, with readiness 503 and uploads answered `SHUTTING_DOWN`, so that a load balancer can look away.',
    1_000,
    0,
  ),
  HEALTH_CHECK_TIMEOUT_MS: milliseconds(
    'Time each readiness check has to answer; more than 5000 counts as 5000.',
    2_000,
  ),
  REPORT_MAX_AGE_MS: milliseconds(
    'How old `/metrics`, `/health/ready`, `/health/circuit-breakers` and `/health/dlq` may be: each is made at most once in that time, for all who ask. 0: whenever nobody waits for it.',
    1_000,
    0,
  ),
  MIN_FREE_DISK_BYTES: count(
    'Free space under `DATA_DIR` below which readiness is 503. 0: not checked.',
    'bytes',
    256 * 1024 * 1024,
  ),
};
