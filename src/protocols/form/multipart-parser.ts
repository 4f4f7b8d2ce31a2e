import { ServiceError } from '../../errors/service-error.js';

export interface MultipartLimits {
  /** Most parts, the file included. */
  readonly parts: number;
  /** Bytes of one part's header block; also of preamble and epilogue, which carry nothing. */
  readonly headerBytes: number;
}

/** Takes the bytes of one part. Chunks are slices of what was written, not copies. */
export interface PartSink {
  data(chunk: Buffer): void;
  end(): void;
}

type State = 'preamble' | 'after-delimiter' | 'headers' | 'body' | 'epilogue';

const CRLF = Buffer.from('\r\n');
/** What every delimiter begins with. Node looks for so few bytes twice as fast as for a whole delimiter. */
const DELIMITER_START = Buffer.from('\r\n--');
/** In a text that is full of such beginnings the whole delimiter is found faster. */
const MAX_FALSE_STARTS = 8;
const HEADERS_END = Buffer.from('\r\n\r\n');
const CLOSE = Buffer.from('--\r\n');
const NOTHING = Buffer.alloc(0);
const HYPHEN = 0x2d;
const CR = 0x0d;
/** `--` or transport padding and CRLF; longer padding is nothing that a client sends. */
const MAX_DELIMITER_TAIL_BYTES = 64;

/**
 * A push parser of multipart/form-data (RFC 2046 section 5.1, RFC 7578) for streams: `write` what arrives,
 * then `end`. It keeps no part in memory, and no byte of the delimiter is ever given to a part, however the
 * bytes are cut. Strict: what is not a well-formed part is an error, never skipped.
 *
 * A delimiter has its only CR at its first byte. So where a possible delimiter breaks off, the search can go
 * on at the byte that broke it, and the bytes withheld so far are known without being kept.
 */
export class MultipartParser {
  private readonly delimiter: Buffer;
  private state: State = 'preamble';
  /** Bytes of the delimiter that the input so far ends with. The first one needs no CRLF before it. */
  private matched = CRLF.length;
  private held: Buffer = NOTHING;
  private skippedBytes = 0;
  private partCount = 0;
  private writtenBytes = 0;
  private sink: PartSink | undefined;

  constructor(
    boundary: string,
    private readonly limits: MultipartLimits,
    /** Is given the header lines of the part, and told where in the body its bytes begin. */
    private readonly onPart: (headerBlock: Buffer, position: number) => PartSink,
  ) {
    this.delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  /** @throws MALFORMED_MULTIPART, VALIDATION_ERROR for too many parts, or what `onPart` and its sink throw. */
  write(chunk: Buffer): void {
    this.writtenBytes += chunk.length;
    let rest = chunk;
    while (rest.length > 0) rest = this.step(rest);
  }

  /** Bytes behind those of the last part: the final boundary, with the line end that all clients but a few send. */
  get closingBytes(): number {
    return this.delimiter.length + CLOSE.length;
  }

  /** @throws MALFORMED_MULTIPART when the final boundary has not come. */
  end(): void {
    if (this.state === 'epilogue') return;
    throw malformed(
      this.state === 'preamble'
        ? 'the boundary does not occur in the body'
        : 'the body ends before its final boundary',
    );
  }

  /** Consumes a beginning of `chunk` and returns what is left of it. */
  private step(chunk: Buffer): Buffer {
    switch (this.state) {
      case 'preamble':
      case 'body':
        return this.scan(chunk);
      case 'after-delimiter':
        return this.readDelimiterTail(chunk);
      case 'headers':
        return this.readHeaders(chunk);
      case 'epilogue':
        this.skip(chunk);
        return chunk.subarray(chunk.length);
      default:
        return this.state satisfies never;
    }
  }

  private scan(chunk: Buffer): Buffer {
    if (this.matched > 0) return this.continueMatch(chunk);
    const found = this.find(chunk);
    if (found >= 0) {
      if (found > 0) this.emit(chunk.subarray(0, found));
      return this.enterDelimiterTail(chunk.subarray(found + this.delimiter.length));
    }
    this.matched = this.partialMatchAtEnd(chunk);
    const safe = chunk.length - this.matched;
    if (safe > 0) this.emit(chunk.subarray(0, safe));
    return chunk.subarray(chunk.length);
  }

  /** Where the first whole delimiter begins; -1 when there is none. */
  private find(chunk: Buffer): number {
    let start = chunk.indexOf(DELIMITER_START);
    for (let falseStarts = 0; falseStarts < MAX_FALSE_STARTS; falseStarts++) {
      if (start < 0 || this.beginsAt(chunk, start)) return start;
      start = chunk.indexOf(DELIMITER_START, start + DELIMITER_START.length);
    }
    return start < 0 ? start : chunk.indexOf(this.delimiter, start);
  }

  private beginsAt(chunk: Buffer, start: number): boolean {
    const end = start + this.delimiter.length;
    return end <= chunk.length && this.delimiter.compare(chunk, start, end) === 0;
  }

  private continueMatch(chunk: Buffer): Buffer {
    const wanted = this.delimiter.length - this.matched;
    const compared = Math.min(wanted, chunk.length);
    let same = 0;
    while (same < compared && chunk[same] === this.delimiter[this.matched + same]) same++;
    if (same === wanted) return this.enterDelimiterTail(chunk.subarray(same));
    const withheld = this.matched + same;
    if (same === chunk.length) {
      this.matched = withheld;
      return chunk.subarray(same);
    }
    this.matched = 0;
    this.emit(this.delimiter.subarray(0, withheld));
    return chunk.subarray(same);
  }

  /** How many bytes at the end of `chunk` begin a delimiter: they wait for the next chunk. */
  private partialMatchAtEnd(chunk: Buffer): number {
    const tail = chunk.subarray(-(this.delimiter.length - 1));
    const start = tail.lastIndexOf(CR);
    if (start < 0) return 0;
    const length = tail.length - start;
    return tail.compare(this.delimiter, 0, length, start) === 0 ? length : 0;
  }

  private emit(bytes: Buffer): void {
    if (this.state === 'body') this.sink?.data(bytes);
    else this.skip(bytes);
  }

  private skip(bytes: Buffer): void {
    this.skippedBytes += bytes.length;
    if (this.skippedBytes > this.limits.headerBytes) {
      throw malformed(
        this.state === 'preamble'
          ? 'the boundary does not occur in the body'
          : 'there is data after the final boundary',
      );
    }
  }

  private enterDelimiterTail(rest: Buffer): Buffer {
    this.matched = 0;
    this.sink?.end();
    this.sink = undefined;
    this.state = 'after-delimiter';
    this.held = NOTHING;
    return rest;
  }

  private readDelimiterTail(chunk: Buffer): Buffer {
    const tail = this.afterHeld(chunk.subarray(0, MAX_DELIMITER_TAIL_BYTES));
    const taken = (length: number): Buffer => chunk.subarray(length - this.held.length);
    if (tail.length < 2) return this.hold(tail, chunk);
    if (tail[0] === HYPHEN && tail[1] === HYPHEN) {
      this.state = 'epilogue';
      this.skippedBytes = 0;
      return taken(2);
    }
    const lineEnd = tail.indexOf(CRLF);
    const padding =
      lineEnd < 0 ? tail.subarray(0, tail.at(-1) === CR ? -1 : undefined) : tail.subarray(0, lineEnd);
    if (!isBlank(padding) || (lineEnd < 0 && tail.length > MAX_DELIMITER_TAIL_BYTES)) {
      throw malformed('a boundary is not followed by CRLF or "--"');
    }
    if (lineEnd < 0) return this.hold(tail, chunk);
    const rest = taken(lineEnd + CRLF.length);
    // The CRLF of the boundary line is kept, so that a part without any header ends at once.
    this.held = CRLF;
    this.state = 'headers';
    return rest;
  }

  private readHeaders(chunk: Buffer): Buffer {
    const before = this.held.length;
    // Not more of a chunk than a header block may have: the rest of it is most often the file.
    const block = this.afterHeld(chunk.subarray(0, this.limits.headerBytes + HEADERS_END.length));
    const end = block.indexOf(HEADERS_END);
    if (end > this.limits.headerBytes || (end < 0 && block.length > this.limits.headerBytes)) {
      throw malformed(`the headers of a part are larger than ${this.limits.headerBytes} bytes or do not end`);
    }
    if (end < 0) return this.hold(block, chunk);
    const rest = chunk.subarray(end + HEADERS_END.length - before);
    this.beginPart(block.subarray(CRLF.length, Math.max(end, CRLF.length)), this.writtenBytes - rest.length);
    return rest;
  }

  private beginPart(headerBlock: Buffer, position: number): void {
    this.partCount++;
    if (this.partCount > this.limits.parts) {
      throw new ServiceError('VALIDATION_ERROR', `The upload has more than ${this.limits.parts} parts.`);
    }
    this.sink = this.onPart(headerBlock, position);
    this.state = 'body';
    this.held = NOTHING;
  }

  private afterHeld(bytes: Buffer): Buffer {
    return this.held.length === 0 ? bytes : Buffer.concat([this.held, bytes]);
  }

  private hold(bytes: Buffer, chunk: Buffer): Buffer {
    this.held = bytes;
    return chunk.subarray(chunk.length);
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09);
}

function malformed(rule: string): ServiceError {
  return new ServiceError('MALFORMED_MULTIPART', `The multipart body is malformed: ${rule}.`);
}
