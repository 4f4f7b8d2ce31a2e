import { isUtf8 } from 'node:buffer';
import { ServiceError } from '../errors/service-error.js';
import type { IncomingFile } from './incoming-file.js';
import { MultipartParser, type MultipartLimits, type PartSink } from './multipart-parser.js';
import type { PartHeaders } from './part-headers.js';
import type { BodyConsumer } from './request-reader.js';
import { type UploadFields, invalidFields, isUploadField, readUploadFields } from './upload-fields.js';

/** RFC 7578 section 4.4 and RFC 9110 section 8.3: what a file is when nobody says. */
export const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/** What is known when the first byte of the file may flow. */
export interface BegunUpload {
  readonly fields: UploadFields;
  readonly filename: string | undefined;
  readonly contentType: string;
  readonly file: IncomingFile;
}

export interface MultipartUploadOptions {
  readonly boundary: string;
  readonly limits: MultipartLimits;
  /** Most bytes of one text part. */
  readonly fieldBytes: number;
  /** Makes the receiver of the file's bytes once its headers are known; `otherBytes` of the body are not its own. */
  readonly openFile: (contentType: string, otherBytes: number) => IncomingFile;
  readonly onBegun: (upload: BegunUpload) => void;
}

/** Reads a multipart upload: text parts first, then exactly one file. */
export class MultipartUpload implements BodyConsumer {
  private readonly parser: MultipartParser;
  private readonly texts = new Map<keyof UploadFields, string>();
  private file: IncomingFile | undefined;

  constructor(private readonly options: MultipartUploadOptions) {
    this.parser = new MultipartParser(options.boundary, options.limits, (headers, position) =>
      this.openPart(headers, position),
    );
  }

  get backPressure(): Promise<void> | undefined {
    return this.file?.backPressure;
  }

  write(chunk: Buffer): void {
    this.parser.write(chunk);
  }

  async end(): Promise<void> {
    this.parser.end();
    if (!this.file) throw invalidFields([{ field: 'file', message: 'is required' }]);
    await this.file.end();
  }

  private openPart(headers: PartHeaders, position: number): PartSink {
    if (this.file) throw this.partAfterFile(headers.name);
    return headers.name === 'file' ? this.openFile(headers, position) : this.openField(headers);
  }

  /** The file is on its way already, so nothing that comes after it could still have an effect. */
  private partAfterFile(name: string): ServiceError {
    const message = name === 'file' ? 'must be there exactly once' : 'must come before the file';
    return invalidFields([{ field: name, message }]);
  }

  private openFile(headers: PartHeaders, position: number): PartSink {
    if (headers.filename === undefined) {
      throw invalidFields([{ field: 'file', message: 'must be a file with a filename, not a text field' }]);
    }
    const fields = readUploadFields(this.texts);
    const contentType = headers.contentType ?? DEFAULT_CONTENT_TYPE;
    const file = this.options.openFile(contentType, position + this.parser.closingBytes);
    this.file = file;
    this.options.onBegun({ fields, filename: headers.filename, contentType, file });
    return { data: (chunk) => file.write(chunk), end: () => undefined };
  }

  /** Also with a file name: that is how a script sends JSON of its own type (`new Blob`). */
  private openField({ name }: PartHeaders): PartSink {
    if (!isUploadField(name)) throw invalidFields([{ field: name, message: 'is not a field of an upload' }]);
    if (this.texts.has(name)) throw invalidFields([{ field: name, message: 'must be there at most once' }]);
    return this.collectText(name);
  }

  private collectText(name: keyof UploadFields): PartSink {
    const chunks: Buffer[] = [];
    let size = 0;
    return {
      data: (chunk) => {
        size += chunk.length;
        if (size > this.options.fieldBytes) {
          throw invalidFields([{ field: name, message: `must be at most ${this.options.fieldBytes} bytes` }]);
        }
        chunks.push(chunk);
      },
      end: () => {
        this.texts.set(name, decodeText(name, Buffer.concat(chunks)));
      },
    };
  }
}

function decodeText(name: string, bytes: Buffer): string {
  if (!isUtf8(bytes)) throw invalidFields([{ field: name, message: 'must be UTF-8' }]);
  return bytes.toString('utf8');
}
