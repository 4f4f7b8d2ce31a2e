import { type ServerResponse, validateHeaderValue } from 'node:http';

export const UPLOAD_RESUMPTION_SUPPORTED = 104;

/**
 * Sends `104 Upload Resumption Supported` ahead of the answer, several times where there is more to tell. Does nothing where it
 * cannot be sent any more, and for HTTP/1.0, which has no interim responses (RFC 9110 section 15.2).
 * @throws Error for a value that no field may have
 */
export function sendUploadResumption(
  response: ServerResponse,
  fields: Readonly<Record<string, string>>,
): boolean {
  if (response.headersSent || response.destroyed || response.req.httpVersion !== '1.1') return false;
  const writeInformation: unknown = Reflect.get(response, 'writeInformation');
  if (typeof writeInformation === 'function') response.writeInformation(UPLOAD_RESUMPTION_SUPPORTED, fields);
  else writeRaw(response, fields);
  return true;
}

/** What Node 22 has no method for: its own `writeContinue` is written in this way. */
function writeRaw(response: ServerResponse, fields: Readonly<Record<string, string>>): void {
  const lines = Object.entries(fields).map(([name, value]) => {
    validateHeaderValue(name, value);
    return `${name}: ${value}\r\n`;
  });
  const write: unknown = Reflect.get(response, '_writeRaw');
  if (typeof write !== 'function') return;
  const head = `HTTP/1.1 ${UPLOAD_RESUMPTION_SUPPORTED} Upload Resumption Supported\r\n`;
  Reflect.apply(write, response, [`${head}${lines.join('')}\r\n`, 'latin1']);
}
