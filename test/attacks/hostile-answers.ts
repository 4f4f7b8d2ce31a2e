import { gzipSync } from 'node:zlib';
import { answering, type Behaviour, dripping, saying, withoutEnd } from './hostile-server.js';

/** What an endpoint does, which may know of another place that is not to be asked. */
export type HostileRow = readonly [name: string, answer: (elsewhere: string) => Behaviour];

const OK = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
const CHUNK = `10000\r\n${' '.repeat(65_536)}\r\n`;
const BOMB = gzipSync(Buffer.alloc(32 * 1024 * 1024, ' '));

/** What an endpoint may answer whatever it is asked for; none of it is of any use. */
const ANSWERS: readonly (readonly [name: string, behaviour: Behaviour])[] = [
  ['nothing', () => undefined],
  ['an end at once', (socket) => socket.end()],
  ['a reset', (socket) => socket.resetAndDestroy()],
  ['chunks without end', withoutEnd(CHUNKED, CHUNK)],
  ['a length of a petabyte, and its bytes', withoutEnd(`${OK}Content-Length: 1125899906842624\r\n\r\n`, ' ')],
  ['a body until the connection ends, which it does not', withoutEnd(`${OK}Connection: close\r\n\r\n`, '[')],
  ['a body by the byte', dripping(`${OK}Content-Length: 10000\r\n\r\n`, 1)],
  ['a head by the byte', dripping(`${OK}X-Slow: ${'x'.repeat(10_000)}`)],
  ['headers without end', withoutEnd(OK, 'X-Flood: flood\r\n')],
  ['one header without end', withoutEnd(`${OK}X-Flood: `, 'x')],
  ['100 Continue without end', withoutEnd('', 'HTTP/1.1 100 Continue\r\n\r\n')],
  ['trailers without end', withoutEnd(`${CHUNKED}0\r\n`, 'X-Flood: flood\r\n')],
  ['a bomb of gzip', answering(200, BOMB, 'Content-Encoding: gzip')],
  ['lists in lists', answering(200, '['.repeat(30_000))],
  ['HTML', answering(200, '<!doctype html><title>Sign in</title>', 'Content-Type: text/html')],
  ['no body', answering(200, '')],
  ['what it was asked', (socket, asked) => answering(200, asked)(socket, asked)],
  [
    'an error with what it was asked',
    (socket, asked) => {
      const told = JSON.stringify({ error: 'invalid_client', error_description: asked });
      answering(401, told, `X-Echo: ${asked.split('\r\n').at(-1)}`)(socket, asked);
    },
  ],
  ['two lengths', saying(`${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`)],
  ['length and chunks', saying(`${OK}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`)],
  ['the preface of HTTP/2', saying('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
  ['an alert of TLS', saying(Buffer.from([0x15, 3, 3, 0, 2, 2, 0x28]))],
  ['an upgrade', saying('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n')],
];

export const HOSTILE_ANSWERS: readonly HostileRow[] = ANSWERS.map(([name, behaviour]) => [
  name,
  () => behaviour,
]);

/** What the parser of HTTP drops without counting it, so that only the time of an attempt ends it. */
export const UNCOUNTED: readonly HostileRow[] = [
  ['early hints without end', () => withoutEnd('', 'HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n')],
  ['a reason without end', () => withoutEnd('HTTP/1.1 200 ', 'OK')],
  ['a chunk extension without end', () => withoutEnd(`${CHUNKED}1;`, 'x=y;')],
];

/** To another place, which must not be asked: the secret would go along. */
export const REDIRECTIONS: readonly HostileRow[] = [301, 302, 303, 307, 308].map((status) => [
  `a redirection with ${status}`,
  (elsewhere) => answering(status, '', `Location: ${elsewhere}/token`),
]);

/** Key sets that cost time, and have no key that can be used. */
export const KEY_SETS: readonly HostileRow[] = [
  [
    'as many short keys as fit',
    () => answering(200, keySet('{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}')),
  ],
  ['as many members as fit', () => answering(200, keySet('0'))],
  [
    'a key of a million bits',
    () => answering(200, `{"keys":[{"kty":"RSA","kid":"a","n":"${'A_'.repeat(80_000)}","e":"AQAB"}]}`),
  ],
  [
    'a key with an exponent of one',
    () => answering(200, `{"keys":[{"kty":"RSA","kid":"a","n":"${'A_'.repeat(171)}","e":"AQ"}]}`),
  ],
  ['a secret as a key', () => answering(200, '{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}')],
];

/** Times in an answer with a token that are none. */
export const NO_TIMES = ['-1', '0', '1e999', '-1e999', 'null', '"3600"', '[3600]', 'true', '{}'];

/** Times that are odd, and all the same longer than nothing. */
export const ODD_TIMES = ['1e308', '1e-300'];

/** A key set of just under a mebibyte. */
function keySet(member: string): string {
  return `{"keys":[${Array(Math.floor(1_000_000 / (member.length + 1)))
    .fill(member)
    .join()}]}`;
}
