import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { S3Refusal } from './s3-refusal.js';

/** Who may sign. */
export interface DoubleIdentity {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Known, and of no use any more. */
  readonly hasEnded?: boolean;
}

export interface SignatureRules {
  readonly identities: readonly DoubleIdentity[];
  readonly region: string;
  /** The double's time, in milliseconds since 1970. */
  readonly nowMs: number;
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/** S3 takes no request that is older, or from the future. */
const MAX_SKEW_MS = 15 * 60_000;

/**
 * Refuses a request that is not signed as Signature Version 4 says, written down anew from its specification.
 * @throws S3Refusal
 */
export function checkSignature(request: IncomingMessage, rules: SignatureRules): void {
  const { accessKeyId, day, region, signedHeaders, signature } = authorizationOf(request);
  const identity = rules.identities.find((known) => known.accessKeyId === accessKeyId);
  if (!identity) throw new S3Refusal(403, 'InvalidAccessKeyId', 'The access key is not known.');
  checkRegion(region, rules.region);
  checkTime(request, day, rules.nowMs);
  checkToken(request, identity);
  const names = signedHeaders.split(';');
  checkNames(request, names);
  if (expected(request, names, { identity, day, region }) !== signature) {
    throw new S3Refusal(403, 'SignatureDoesNotMatch', 'The signature does not match.');
  }
}

function authorizationOf({ headers }: IncomingMessage): Record<AuthorizationMember, string> {
  const [, accessKeyId = '', day = '', region = '', signedHeaders = '', signature] =
    AUTHORIZATION.exec(headers.authorization ?? '') ?? [];
  if (signature === undefined) throw new S3Refusal(403, 'AccessDenied', 'The request is not signed.');
  return { accessKeyId, day, region, signedHeaders, signature };
}

type AuthorizationMember = 'accessKeyId' | 'day' | 'region' | 'signedHeaders' | 'signature';

function checkRegion(region: string, own: string): void {
  if (region === own) return;
  const message = `The authorization header is malformed; the region '${region}' is wrong; expecting '${own}'`;
  throw new S3Refusal(400, 'AuthorizationHeaderMalformed', message, { members: { Region: own } });
}

function checkNames({ headers }: IncomingMessage, signed: readonly string[]): void {
  const mustBe = Object.keys(headers).filter((name) => /^(host|content-md5|x-amz-.*)$/.test(name));
  if (mustBe.every((name) => signed.includes(name))) return;
  throw new S3Refusal(403, 'AccessDenied', 'There were headers present in the request which were not signed');
}

function checkTime({ headers }: IncomingMessage, day: string, nowMs: number): void {
  const [, year, month, date, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date'])) ?? [];
  const signedMs = Date.parse(`${year}-${month}-${date}T${hour}:${minute}:${second}Z`);
  if (`${year}${month}${date}` !== day) throw new S3Refusal(403, 'AccessDenied', 'The date is another one.');
  if (!(Math.abs(signedMs - nowMs) <= MAX_SKEW_MS)) {
    throw new S3Refusal(403, 'RequestTimeTooSkewed', 'The difference between the clocks is too large.');
  }
}

function checkToken({ headers }: IncomingMessage, identity: DoubleIdentity): void {
  if (identity.hasEnded) throw new S3Refusal(400, 'ExpiredToken', 'The provided token has expired.');
  if (headers['x-amz-security-token'] !== identity.sessionToken) {
    throw new S3Refusal(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
  }
}

interface SigningScope {
  readonly identity: DoubleIdentity;
  readonly day: string;
  readonly region: string;
}

function expected(request: IncomingMessage, names: readonly string[], scope: SigningScope): string {
  const { method = '', url = '', headers } = request;
  const [path = '', query = ''] = url.split('?', 2);
  const canonical = [
    method,
    path,
    query.split('&').filter(Boolean).map(completed).toSorted().join('&'),
    ...names.map((name) => `${name}:${String(headers[name]).trim().replaceAll(/ +/g, ' ')}`),
    '',
    names.join(';'),
    headers['x-amz-content-sha256'],
  ].join('\n');
  const day = `${scope.day}/${scope.region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], day, sha256(canonical)].join('\n');
  const key = [scope.day, scope.region, 's3', 'aws4_request'].reduce(
    (secret: string | Buffer, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${scope.identity.secretAccessKey}`,
  );
  return createHmac('sha256', key).update(toSign).digest('hex');
}

/** A parameter without a value is signed with an empty one. */
function completed(parameter: string): string {
  return parameter.includes('=') ? parameter : `${parameter}=`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
