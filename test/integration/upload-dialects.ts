import { createHash } from 'node:crypto';

type Headers = Readonly<Record<string, string>>;

/** The checksum that is declared of a piece. */
export type Check = 'none' | 'right' | 'wrong';

/** Bytes that are sent with one request. */
export interface Piece {
  readonly offset: number;
  readonly bytes: Buffer;
  readonly isLast: boolean;
  /** Bytes of the whole file. */
  readonly total: number;
  readonly check: Check;
}

/** What one of the two protocols has requests say, and expects as answers. */
export interface UploadDialect {
  /** `isDeferred`: the length is not known yet. */
  creation(first: Piece, isDeferred: boolean): Headers;
  append(piece: Piece): Headers;
  /** What every request carries. */
  readonly all: Headers;
  /** Of an answer that says how far an upload is. */
  readonly askedStatus: number;
  /** Of an answer to a piece that is not the last, and of one to the last. */
  readonly receivedStatuses: readonly number[];
  readonly finishedStatuses: readonly number[];
  /** Of an answer to a piece whose checksum is another one. */
  readonly mismatchStatus: number;
}

const TUS: UploadDialect = {
  all: { 'Tus-Resumable': '1.0.0' },
  creation: (first, isDeferred) => ({
    ...(isDeferred ? { 'Upload-Defer-Length': '1' } : { 'Upload-Length': String(first.total) }),
    ...(first.bytes.length > 0 && { 'Content-Type': 'application/offset+octet-stream', ...tusSum(first) }),
  }),
  append: (piece) => ({
    'Content-Type': 'application/offset+octet-stream',
    'Upload-Offset': String(piece.offset),
    ...(piece.isLast && { 'Upload-Length': String(piece.total) }),
    ...tusSum(piece),
  }),
  askedStatus: 200,
  receivedStatuses: [204],
  finishedStatuses: [204],
  mismatchStatus: 460,
};

const IETF: UploadDialect = {
  // Without a version no 104 is sent ahead of an answer.
  all: {},
  creation: (first, isDeferred) => ({
    'Upload-Complete': first.isLast ? '?1' : '?0',
    'Content-Type': 'application/octet-stream',
    ...(!isDeferred && { 'Upload-Length': String(first.total) }),
    ...contentDigest(first),
  }),
  append: (piece) => ({
    'Content-Type': 'application/partial-upload',
    'Upload-Offset': String(piece.offset),
    'Upload-Complete': piece.isLast ? '?1' : '?0',
    ...contentDigest(piece),
  }),
  askedStatus: 204,
  receivedStatuses: [204],
  finishedStatuses: [201, 200],
  mismatchStatus: 400,
};

export const UPLOAD_DIALECTS = { tus: TUS, ietf: IETF };

function tusSum({ check, bytes }: Piece): Headers {
  return check === 'none' ? {} : { 'Upload-Checksum': `sha256 ${sumOf(check, bytes)}` };
}

function contentDigest({ check, bytes }: Piece): Headers {
  return check === 'none' ? {} : { 'Content-Digest': `sha-256=:${sumOf(check, bytes)}:` };
}

function sumOf(check: Check, bytes: Buffer): string {
  const hash = createHash('sha256').update(bytes);
  if (check === 'wrong') hash.update('more');
  return hash.digest('base64');
}
