import { createHash } from 'node:crypto';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const GIB = 1024 * MIB;

/** Stands in a path for the id of a file; the client puts a new one in its place. */
export const FILE_ID = '00000000-0000-4000-8000-000000000000';

const BOUNDARY = 'ingester-bench-5d1f3c7a90b84e62';

/** One MiB that does not compress and is the same in every process; every payload repeats it. */
export function payloadBlock() {
  const words = new Uint32Array(MIB / 4);
  let state = 0x9e3779b9;
  for (let index = 0; index < words.length; index += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return Buffer.from(words.buffer);
}

/** SHA-256 of a payload of `size` bytes, so that the sink can acknowledge it without hashing. */
export function payloadSha256(size) {
  const block = payloadBlock();
  const hash = createHash('sha256');
  for (let sent = 0; sent < size; sent += block.length) {
    hash.update(block.subarray(0, Math.min(block.length, size - sent)));
  }
  return hash.digest('hex');
}

/** What surrounds the payload in a request: everything before its first and after its last byte. */
export function envelope({ method, path, size, token, multipart, type, headers = [] }) {
  const part = multipart
    ? multipartAround()
    : { before: '', after: '', type: type ?? 'application/octet-stream' };
  const length = part.before.length + size + part.after.length;
  const head = [
    `${method} ${path} HTTP/1.1`,
    'Host: bench.test',
    ...(token ? [`Authorization: Bearer ${token}`] : []),
    ...headers,
    `Content-Type: ${part.type}`,
    `Content-Length: ${length}`,
  ];
  return {
    before: Buffer.from(`${head.join('\r\n')}\r\n\r\n${part.before}`),
    after: Buffer.from(part.after),
  };
}

function multipartAround() {
  const field = (name, value) =>
    `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  return {
    type: `multipart/form-data; boundary=${BOUNDARY}`,
    before: `${field('description', 'bench')}${field('retention_policy', 'temporary')}--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="bench.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
    after: `\r\n--${BOUNDARY}--\r\n`,
  };
}
