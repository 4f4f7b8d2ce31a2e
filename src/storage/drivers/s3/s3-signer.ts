import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import type { SignatureV4 } from '@smithy/signature-v4';
import type { S3Identity } from './s3-credentials.js';
import type { S3Endpoint } from './s3-endpoint.js';

type HashConstructor = ConstructorParameters<typeof SignatureV4>[0]['sha256'];

type SourceData = string | ArrayBuffer | ArrayBufferView;

/** What of a request is signed. */
export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** With `x-amz-content-sha256`. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Loaded once it is needed: who has no such element does not pay for it at the start. */
let library: Promise<typeof import('@smithy/signature-v4')> | undefined;

/** Signs requests (Signature Version 4), with the time of the store. */
export class S3Signer {
  /** How far the clock of the store is before ours, in milliseconds. */
  #clockOffsetMs = 0;

  constructor(
    private readonly endpoint: S3Endpoint,
    private readonly region: string,
  ) {}

  /** Takes the time of an answer for the time of the store. */
  setClock(storeMs: number): void {
    this.#clockOffsetMs = storeMs - Date.now();
  }

  /** The time of the store, in milliseconds since 1970. */
  nowMs(): number {
    return Date.now() + this.#clockOffsetMs;
  }

  /** All headers of the request, the signature among them. */
  async signed(request: SignableRequest, credentials: S3Identity): Promise<Record<string, string>> {
    library ??= import('@smithy/signature-v4');
    const { SignatureV4: Signer } = await library;
    const signer = new Signer({
      service: 's3',
      region: this.region,
      credentials,
      sha256: NodeSha256,
      // A key is encoded once, and not normalised.
      uriEscapePath: false,
      applyChecksum: false,
    });
    const { headers } = await signer.sign(
      {
        ...request,
        query: { ...request.query },
        headers: { ...request.headers, host: this.endpoint.host },
        protocol: '',
        hostname: '',
      },
      { signingDate: new Date(this.nowMs()) },
    );
    return headers;
  }
}

/** SHA-256 and its HMAC by Node, as the signer wants them. */
const NodeSha256: HashConstructor = class {
  readonly #hash: Hash | Hmac;

  constructor(secret?: SourceData) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }

  update(data: SourceData): void {
    this.#hash.update(bytesOf(data));
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
};

function bytesOf(data: SourceData): string | Uint8Array {
  if (typeof data === 'string') return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
