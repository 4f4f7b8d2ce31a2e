import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { ServiceError } from '../../errors/service-error.js';
import type { BodyCheck } from '../../resumption/resumable-upload.js';
import { badHeader } from './tus-headers.js';

/** What a body may be checked by, as `Tus-Checksum-Algorithm` names them. */
export const CHECKSUM_ALGORITHMS = ['sha1', 'sha256', 'sha512', 'md5', 'crc32'] as const;

type Algorithm = (typeof CHECKSUM_ALGORITHMS)[number];

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

interface Sum {
  update(chunk: Buffer): void;
  digest(): Buffer;
}

interface Checksum {
  readonly algorithm: Algorithm;
  readonly expected: Buffer;
}

/** `Upload-Checksum`: an algorithm and a sum in base64 (tus 1.0, checksum). @throws VALIDATION_ERROR */
export function readChecksum(header: string): Checksum {
  const [name = '', encoded = '', ...rest] = header.trim().split(' ');
  const algorithm = CHECKSUM_ALGORITHMS.find((each) => each === name);
  if (!algorithm) throw badHeader('Upload-Checksum', `must name one of ${CHECKSUM_ALGORITHMS.join(', ')}`);
  if (rest.length > 0 || !BASE64.test(encoded))
    throw badHeader('Upload-Checksum', 'must hold the sum in base64');
  return { algorithm, expected: Buffer.from(encoded, 'base64') };
}

/**
 * Checks a body by the sums that came with it: one in the header, one in a trailer, or both. A trailer may be of any algorithm, so
 * that all of them are worked out for one that is announced.
 * @param trailer gives the trailer when the body has ended; undefined where none was announced
 */
export function checkBody(
  header: Checksum | undefined,
  trailer: (() => string | undefined) | undefined,
): BodyCheck | undefined {
  if (!header && !trailer) return undefined;
  const wanted = trailer
    ? CHECKSUM_ALGORITHMS
    : CHECKSUM_ALGORITHMS.filter((each) => each === header?.algorithm);
  const sums = new Map(wanted.map((algorithm) => [algorithm, sumOf(algorithm)]));
  return {
    update: (chunk) => {
      for (const sum of sums.values()) sum.update(chunk);
    },
    verify: () => {
      const late = trailer?.();
      if (trailer && late === undefined)
        throw badHeader('Upload-Checksum', 'was announced as a trailer and did not come');
      const digests = new Map([...sums].map(([algorithm, sum]) => [algorithm, sum.digest()]));
      for (const checksum of [header, late === undefined ? undefined : readChecksum(late)]) {
        if (checksum && !digests.get(checksum.algorithm)?.equals(checksum.expected)) throw mismatch(checksum);
      }
    },
  };
}

function sumOf(algorithm: Algorithm): Sum {
  if (algorithm !== 'crc32') return createHash(algorithm);
  let value = 0;
  return {
    update: (chunk) => {
      value = crc32(chunk, value);
    },
    digest: () => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}

function mismatch({ algorithm }: Checksum): ServiceError {
  return new ServiceError(
    'CHECKSUM_MISMATCH',
    `The bytes of this request do not have the ${algorithm} that it declares.`,
  );
}
