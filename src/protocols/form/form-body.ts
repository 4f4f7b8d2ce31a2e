import type { DigestCheck } from '../../body/digest-check.js';
import { ServiceError } from '../../errors/service-error.js';
import { declaredContentType } from '../http/content-type.js';
import { MultipartParser, type MultipartLimits, type PartSink } from './multipart-parser.js';
import { type PartHeaders, parsePartHeaders } from './part-headers.js';
import type { FileSink, UploadSink } from '../../ingest/upload-source.js';
import { TextParts } from './text-parts.js';
import { invalidFields, readUploadFields } from '../../ingest/upload-fields.js';

export interface FormBodyOptions {
  readonly boundary: string;
  readonly limits: MultipartLimits;
  /** Most bytes of one text part. */
  readonly fieldBytes: number;
  /** Bytes of the whole form, where the client declared them. */
  readonly bodyBytes: number | undefined;
  /** Is shown the bytes of the file. */
  readonly fileDigests?: DigestCheck | undefined;
  /** Where the file goes, once its headers are known. */
  readonly sink: Pick<UploadSink, 'begin'>;
}

/** Reads a form: text parts first, then exactly one file. */
export class FormBody implements FileSink {
  private readonly parser: MultipartParser;
  private readonly texts: TextParts;
  private file: FileSink | undefined;
  /** Has a part `file` come with the empty name that browsers give where none was chosen? */
  private unnamed = false;

  constructor(private readonly options: FormBodyOptions) {
    this.texts = new TextParts(options.fieldBytes);
    this.parser = new MultipartParser(options.boundary, options.limits, (headerBlock, position) =>
      this.openPart(parsePartHeaders(headerBlock, this.texts.headCharset), position),
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
    if (!this.file)
      throw this.unnamed ? noFileChosen() : invalidFields([{ field: 'file', message: 'is required' }]);
    await this.file.end();
  }

  private openPart(headers: PartHeaders, position: number): PartSink {
    if (this.file || this.unnamed) throw this.partAfterFile(headers.name);
    return headers.name === 'file' ? this.openFile(headers, position) : this.texts.collect(headers);
  }

  /** The file is on its way already, so nothing that comes after it could still have an effect. */
  private partAfterFile(name: string): ServiceError {
    const message = name === 'file' ? 'must be there exactly once' : 'must come before the file';
    return invalidFields([{ field: name, message }]);
  }

  private openFile({ filename, contentType: given }: PartHeaders, position: number): PartSink {
    if (filename === undefined) {
      throw invalidFields([{ field: 'file', message: 'must be a file with a filename, not a text field' }]);
    }
    const contentType = declaredContentType(given);
    if (contentType === undefined) {
      throw invalidFields([{ field: 'file', message: 'must have a Content-Type in ASCII' }]);
    }
    const fields = readUploadFields(this.texts.decoded());
    const begin = (): FileSink => {
      const { bodyBytes, fileDigests: digests, sink } = this.options;
      const otherBytes = position + this.parser.closingBytes;
      const expectedLength = bodyBytes === undefined ? undefined : Math.max(0, bodyBytes - otherBytes);
      return sink.begin({ fields, filename, contentType, expectedLength, digests });
    };
    this.unnamed = filename === '';
    // One without a name is a file only if a byte of it comes.
    if (!this.unnamed) this.file = begin();
    return { data: (chunk) => (this.file ??= begin()).write(chunk), end: () => undefined };
  }
}

/** WHATWG HTML section 4.10.21.4: a file input without a file sends one without a name and without a byte. */
function noFileChosen(): ServiceError {
  return new ServiceError('EMPTY_FILE', 'No file was chosen: the part `file` has neither a name nor a byte.');
}
