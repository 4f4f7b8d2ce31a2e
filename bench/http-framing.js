const CRLF = Buffer.from('\r\n');
const HEAD_END = Buffer.from('\r\n\r\n');

/**
 * Finds where HTTP/1.1 messages begin and end on a connection, and nothing else: the load client and the
 * sink must cost as little as possible beside the process that is measured.
 */
export class HttpFraming {
  /** @param {{onHead?: (head: string) => void, onBody?: (bytes: Buffer) => void, onEnd: () => void}} listener */
  constructor(listener) {
    this.listener = listener;
    this.pending = Buffer.alloc(0);
    this.state = 'head';
    this.remaining = 0;
  }

  /** @param {Buffer} bytes */
  push(bytes) {
    let rest = this.pending.length > 0 ? Buffer.concat([this.pending, bytes]) : bytes;
    this.pending = Buffer.alloc(0);
    while (rest !== undefined && rest.length > 0) {
      const before = rest;
      rest = this.step(rest);
      // A copy, because the caller reads into the same buffer again.
      if (rest === undefined) this.pending = Buffer.from(before);
    }
  }

  /** Consumes what it can; undefined means that more bytes are needed. */
  step(bytes) {
    switch (this.state) {
      case 'head':
        return this.head(bytes);
      case 'chunk-size':
        return this.chunkSize(bytes);
      case 'trailer':
        return this.trailer(bytes);
      default:
        return this.body(bytes);
    }
  }

  head(bytes) {
    const end = bytes.indexOf(HEAD_END);
    if (end < 0) return undefined;
    const head = bytes.latin1Slice(0, end + 2);
    this.listener.onHead?.(head);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head);
    if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.state = 'chunk-size';
    } else {
      this.remaining = Number(length?.[1] ?? 0);
      this.state = 'fixed';
      if (this.remaining === 0) this.end();
    }
    return bytes.subarray(end + HEAD_END.length);
  }

  chunkSize(bytes) {
    const end = bytes.indexOf(CRLF);
    if (end < 0) return undefined;
    const size = Number.parseInt(bytes.latin1Slice(0, end), 16);
    this.remaining = size;
    this.state = size === 0 ? 'trailer' : 'chunk';
    return bytes.subarray(end + CRLF.length);
  }

  trailer(bytes) {
    const end = bytes.indexOf(CRLF);
    if (end < 0) return undefined;
    if (end === 0) this.end();
    return bytes.subarray(end + CRLF.length);
  }

  body(bytes) {
    if (this.state === 'chunk-end') {
      if (bytes.length < CRLF.length) return undefined;
      this.state = 'chunk-size';
      return bytes.subarray(CRLF.length);
    }
    const taken = Math.min(this.remaining, bytes.length);
    this.remaining -= taken;
    this.listener.onBody?.(bytes.subarray(0, taken));
    if (this.remaining === 0) {
      if (this.state === 'chunk') this.state = 'chunk-end';
      else this.end();
    }
    return bytes.subarray(taken);
  }

  end() {
    this.state = 'head';
    this.listener.onEnd();
  }
}
