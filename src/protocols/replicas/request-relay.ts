import {
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as askPlainly,
} from 'node:http';
import { request as askSecurely } from 'node:https';
import { isIP } from 'node:net';
import { urlToHttpOptions } from 'node:url';
import { asError } from '../../errors/as-error.js';
import { expectsContinue } from '../../errors/expect-continue.js';
import { hasBody } from '../../errors/lingering-close.js';
import type { Request } from 'express';
import type { UploadExchange } from '../http/upload-exchange.js';
import { targetOf } from '../../peers/request-target.js';
import { sendUploadResumption, UPLOAD_RESUMPTION_SUPPORTED } from '../resumable/interim-response.js';
import { outboundHeaders } from '../../observability/outbound-headers.js';
import { viaUs } from '../../peers/via.js';

/** Fields that speak of one connection alone (RFC 9110 section 7.6.1); `Connection` may name more. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
];
const ASK_EVERY_MS = 15_000;

/** Another replica, which answers in our place. */
export interface RelayTarget {
  /** A URL. */
  readonly address: string;
  /** Is it worth to wait for it longer? It may hang without a word. */
  lives(): Promise<boolean>;
}

/**
 * Has another replica answer a request. Both bodies stream, `100`, `104` and trailers are passed on, and whoever goes away ends
 * both connections. Resolves when the answer was given, or nobody waits for it any more.
 * @throws Error where nothing was answered
 */
export async function relay(exchange: UploadExchange, target: RelayTarget): Promise<void> {
  const { request, response } = exchange;
  if (response.destroyed) return;
  const upstream = open(request, target.address);
  // Whatever fails from now on is heard.
  const answered = answerOf(upstream);
  const leave = (): unknown => upstream.destroy();
  response.once('close', leave);
  const watch = setInterval(() => void leaveUnlessAlive(upstream, target), ASK_EVERY_MS);
  let hasBegun = false;
  upstream.on('information', ({ statusCode, rawHeaders }) => {
    if (statusCode !== UPLOAD_RESUMPTION_SUPPORTED) return;
    hasBegun = sendUploadResumption(response, Object.fromEntries(linesOf(rawHeaders))) || hasBegun;
  });
  try {
    send(exchange, upstream);
    const answer = await answered;
    hasBegun = true;
    request.unpipe(upstream);
    await passBack(answer, exchange);
  } catch (error) {
    // Half an answer is none. And a client that was told where its upload is comes back by itself, where it would take an error
    // for the end of it.
    if (hasBegun) response.destroy();
    if (!response.destroyed) throw asError(error);
  } finally {
    clearInterval(watch);
    response.off('close', leave);
    upstream.destroy();
    await answered.catch(() => undefined);
  }
}

/** A connection of its own: one that was kept may have been closed meanwhile, and a body cannot be sent again. */
function open(request: Request, address: string): ClientRequest {
  const url = new URL(address);
  const begin = url.protocol === 'https:' ? askSecurely : askPlainly;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return begin({
    ...urlToHttpOptions(url),
    // For TLS it is this one, whatever `Host` says.
    servername: isIP(host) ? '' : host,
    path: url.pathname.replace(/\/$/, '') + targetOf(request),
    method: methodOf(request),
    headers: headersFor(request),
    agent: false,
  });
}

function send({ request, response }: UploadExchange, upstream: ClientRequest): void {
  // There may be an answer before there is a body.
  upstream.flushHeaders();
  if (expectsContinue(request)) {
    upstream.once('continue', () => {
      response.writeContinue();
      sendBody(request, upstream);
    });
  } else sendBody(request, upstream);
}

/** As it was sent: the other replica reads from `X-HTTP-Method-Override` what it means, and how it is answered. */
function methodOf(request: Request): string {
  const isOverridden = request.get('x-http-method-override')?.toUpperCase() === request.method;
  return isOverridden ? 'POST' : request.method;
}

/** The id of the request and our span are those of the other replica, too. */
function headersFor(request: IncomingMessage): OutgoingHttpHeaders {
  const { 'X-Request-ID': requestId, traceparent } = outboundHeaders();
  const headers: OutgoingHttpHeaders = { via: viaUs(request), 'x-request-id': requestId, traceparent };
  for (const [name, { value }] of fieldsOf(request.rawHeaders)) headers[name] ??= value;
  // What Node would choose by the method alone.
  if (!hasBody(request)) headers['content-length'] = '0';
  else if (headers['content-length'] === undefined) headers['transfer-encoding'] = 'chunked';
  // Only behind chunks there can be some; Node refuses to announce others.
  if (headers['transfer-encoding'] === undefined) delete headers.trailer;
  return headers;
}

function sendBody(request: IncomingMessage, upstream: ClientRequest): void {
  if (!hasBody(request)) {
    upstream.end();
    return;
  }
  request.pipe(upstream, { end: false });
  request.once('end', () => {
    upstream.addTrailers(linesOf(request.rawTrailers));
    upstream.end();
  });
}

function answerOf(upstream: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    upstream.once('response', resolve);
    upstream.on('error', reject);
    upstream.once('close', () => reject(new Error('The other replica has not answered.')));
  });
}

async function passBack(answer: IncomingMessage, { response }: UploadExchange): Promise<void> {
  // What we would have said ourselves.
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.status(answer.statusCode ?? 0);
  response.statusMessage = answer.statusMessage ?? '';
  for (const { name, value } of fieldsOf(answer.rawHeaders).values()) response.setHeader(name, value);
  if (response.destroyed) return;
  await new Promise<void>((resolve, reject) => {
    answer.once('error', reject);
    response.once('close', resolve);
    answer.pipe(response);
  });
}

async function leaveUnlessAlive(upstream: ClientRequest, target: RelayTarget): Promise<void> {
  if (!(await target.lives())) upstream.destroy(new Error('The other replica is away.'));
}

interface Field {
  /** As it was written. */
  readonly name: string;
  /** Several where it came in several lines. */
  readonly value: string | string[];
}

/** The fields of a message that are for whoever it is for, by their names in lower case. */
function fieldsOf(raw: readonly string[]): Map<string, Field> {
  const fields = new Map<string, Field>();
  for (const [name, value] of linesOf(raw)) {
    const before = fields.get(name.toLowerCase());
    fields.set(name.toLowerCase(), { name, value: before ? [before.value, value].flat() : value });
  }
  const named = [fields.get('connection')?.value ?? ''].flat().join(',').toLowerCase().split(/[ ,]+/);
  for (const name of [...HOP_BY_HOP, ...named]) fields.delete(name);
  return fields;
}

function linesOf(raw: readonly string[]): [string, string][] {
  const lines: [string, string][] = [];
  for (let index = 0; index < raw.length; index += 2) lines.push([raw[index] ?? '', raw[index + 1] ?? '']);
  return lines;
}
