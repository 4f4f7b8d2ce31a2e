import { AGAIN, FAILED, NO_ROOM, NOT_ITS_FAULT, NOT_REACHED } from './failure-kinds.js';
import type { FailureKind } from '../outcome.js';

/** No connection came about, whatever made the attempt fail. */
const UNREACHED = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_PRX_CONN',
  'UND_ERR_PRX_TLS',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_NONAME',
]);

/** The connection broke or fell silent, or what came over it is no HTTP. */
const BROKEN = new Set([
  'UND_ERR_SOCKET',
  'UND_ERR_INFO',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_HEADERS_OVERFLOW',
  'UND_ERR_HTTP_PARSER',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'EPROTO',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
]);

/** Disks: the quota of a user and a file system that was mounted read-only, beside one that is full. */
const NO_ROOM_ON_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS']);

/** We have no file descriptor for a connection or a file, which says nothing of the target. */
const NO_DESCRIPTORS = new Set(['EMFILE', 'ENFILE']);

/** What we do to a call ourselves: abort it, close its pool at the shutdown, or make it wrongly. */
const OUR_OWN =
  /^(ABORT_ERR|UND_ERR_(ABORT|ABORTED|CLOSED|DESTROYED|INVALID_ARG|INVALID_RETURN_VALUE|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)|ERR_INVALID_.*|ERR_HTTP_INVALID_.*)$/;

/** The certificate was looked at and found wrong, which is before the request. The names are OpenSSL's and Node's. */
const BAD_CERTIFICATE =
  /^(ERR_TLS_CERT_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH)/;

/** TLS otherwise, and llhttp's complaints. */
const BROKEN_PROTOCOL = /^(ERR_TLS_|ERR_SSL_|HPE_)/;

/** System calls that come before the first byte. */
const CONNECTING = new Set<unknown>(['connect', 'getaddrinfo']);

/** What the code of an error of undici, Node or the system says about the target; undefined for one that is not known. */
export function classifyTransport(code: string, syscall?: unknown): FailureKind | undefined {
  if (UNREACHED.has(code) || BAD_CERTIFICATE.test(code)) return NOT_REACHED;
  if (BROKEN.has(code)) return CONNECTING.has(syscall) ? NOT_REACHED : FAILED;
  if (BROKEN_PROTOCOL.test(code)) return FAILED;
  if (NO_ROOM_ON_DISK.has(code)) return NO_ROOM;
  if (NO_DESCRIPTORS.has(code)) return CONNECTING.has(syscall) ? { ...AGAIN, nothingSent: true } : AGAIN;
  return OUR_OWN.test(code) ? NOT_ITS_FAULT : undefined;
}
