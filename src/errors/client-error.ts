import { IncomingMessage, type Server, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { closeLingering } from './lingering-close.js';
import { failRequest } from './protocol-failure.js';
import { responseUnderWay } from './response-under-way.js';
import { ServiceError } from './service-error.js';

/** What Node says of an error of its parser; the packet is what had just come. */
type ParserError = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/**
 * Makes a server answer what Node's HTTP parser refuses, and CONNECT. It gets a request that stands for it, with the
 * target `*` and its `protocolFailureOf`, so that its answer has ids, headers and a log line as any other.
 */
export function answerClientErrors(server: Server): void {
  server.on('clientError', (error: ParserError, socket) => {
    if (socket instanceof Socket) onClientError(server, error, socket);
    else socket.destroy();
  });
  server.on('connect', (request, socket) => {
    // The parser has let go of the connection.
    socket.on('error', () => socket.destroy()).resume();
    const pending = responseUnderWay(request.socket);
    if (pending) hangUpAfter(pending);
    else answer(server, request, malformed('CONNECT is for proxies, and this is none.'));
  });
}

/** Answers a connection before it has asked for anything, and ends it. */
export function refuseConnection(server: Server, socket: Socket, error: ServiceError): void {
  answer(server, new IncomingMessage(socket), error);
}

function onClientError(server: Server, error: ParserError, socket: Socket): void {
  // Nobody is there.
  if (error.code === 'ECONNRESET') return void socket.destroy();
  // It has its answer. The parser goes on complaining about everything that still comes.
  if (socket.writableEnded || socket.destroyed) return;
  const pending = responseUnderWay(socket);
  if (!pending) return answer(server, new IncomingMessage(socket), toServiceError(error));
  hangUpAfter(pending);
  // Else what came after a whole request is broken, and not the request.
  if (!pending.req.complete) failRequest(pending.req, toBodyError(error, pending.req));
}

/** Lets a request have its own answer, as the last one. A head that is out cannot be taken back: then we break off. */
function hangUpAfter(pending: ServerResponse): void {
  if (pending.headersSent) pending.destroy();
  else pending.setHeader('Connection', 'close');
}

/** Has the server answer for a connection on which it has no request, or no more than a head. */
function answer(server: Server, request: IncomingMessage, error: ServiceError): void {
  const { socket } = request;
  request.url = '*';
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once('finish', () => {
    response.detachSocket(socket);
    closeLingering(socket);
    response.emit('close');
  });
  failRequest(request, error);
  server.emit('request', request, response);
}

function toServiceError({ code, rawPacket }: ParserError): ServiceError {
  if (code === 'HPE_HEADER_OVERFLOW') return headersTooLarge(rawPacket?.toString('latin1') ?? '');
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ServiceError('CLIENT_STALLED', 'The request headers did not come in time.');
  }
  return malformed('The request is not valid HTTP/1.1.');
}

/** A token that is too long is a bad token, also where it is too long to be looked at. */
function headersTooLarge(packet: string): ServiceError {
  if (!/^authorization:/im.test(packet)) {
    return new ServiceError('HEADERS_TOO_LARGE', 'The request headers are larger than what is taken.');
  }
  return new ServiceError('UNAUTHORIZED', 'The headers are too long for the token to be looked at.', {
    headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  });
}

/** A form that is cut off is a broken form, however that shows. Whether its client still listens cannot be known. */
function toBodyError({ code }: ParserError, { headers }: IncomingMessage): ServiceError {
  if (code !== 'HPE_INVALID_EOF_STATE') return malformed('The body is not valid HTTP/1.1.');
  const isForm = /^multipart\//i.test(headers['content-type'] ?? '');
  const detail = 'The client closed its side before the body was complete.';
  const cause = new ServiceError('CLIENT_CLOSED_REQUEST', detail);
  return new ServiceError(isForm ? 'MALFORMED_MULTIPART' : 'MALFORMED_REQUEST', detail, { cause });
}

function malformed(detail: string): ServiceError {
  return new ServiceError('MALFORMED_REQUEST', detail);
}
