import type { FieldError } from '../../errors/service-error.js';
import { parameterValues } from '../http/content-type.js';
import type { PartSink } from './multipart-parser.js';
import type { PartHeaders } from './part-headers.js';
import { invalidFields, isUploadField, type UploadFields } from '../../ingest/upload-fields.js';

/** RFC 7578 section 4.6: the part that names the charset of those that name none. */
const CHARSET = '_charset_';
const DEFAULT_CHARSET = 'utf-8';
/** Longest charset that is repeated, in characters. */
const MAX_LABEL_CHARACTERS = 60;

interface TextPart {
  readonly bytes: Buffer;
  readonly contentType: string | undefined;
}

/** Collects the text parts of a form. They stay bytes until all are there, since `_charset_` may come last. */
export class TextParts {
  private readonly parts = new Map<keyof UploadFields, TextPart>();
  private defaultCharset: string | undefined;

  /** `maxBytes` is for one part. */
  constructor(private readonly maxBytes: number) {}

  /**
   * What the heads of parts are written in, as far as is known: browsers write names and file names in the charset of
   * their form. That is never UTF-16, in which no head could be read (WHATWG HTML, "picking an encoding for the form").
   */
  get headCharset(): string {
    if (!this.defaultCharset) return DEFAULT_CHARSET;
    return new TextDecoder(this.charset).encoding.startsWith('utf-16') ? DEFAULT_CHARSET : this.charset;
  }

  /** What texts are written in that do not say it themselves. */
  private get charset(): string {
    return this.defaultCharset || DEFAULT_CHARSET;
  }

  /**
   * Also with a file name: that is how a script sends JSON of its own type (`new Blob`).
   * @throws VALIDATION_ERROR for a part that is unknown, there twice, or too large
   */
  collect({ name, contentType }: PartHeaders): PartSink {
    if (name === CHARSET) return this.collectCharset();
    if (!isUploadField(name)) throw invalid(name, 'is not a field of an upload');
    if (this.parts.has(name)) throw invalid(name, 'must be there at most once');
    return this.collectBytes(name, (bytes) => this.parts.set(name, { bytes, contentType }));
  }

  /** @throws VALIDATION_ERROR that names every part whose charset is not known, or that is not written in it */
  decoded(): Map<keyof UploadFields, string> {
    const texts = new Map<keyof UploadFields, string>();
    const errors: FieldError[] = [];
    for (const [field, part] of this.parts) {
      const decoded = decode(field, part, this.charset);
      if (typeof decoded === 'string') texts.set(field, decoded);
      else errors.push(decoded);
    }
    if (errors.length > 0) throw invalidFields(errors);
    return texts;
  }

  /** An empty one is that of a page whose form no browser has filled in. */
  private collectCharset(): PartSink {
    if (this.defaultCharset !== undefined) throw invalid(CHARSET, 'must be there at most once');
    return this.collectBytes(CHARSET, (bytes) => {
      const label = bytes.toString('latin1').trim();
      if (label !== '' && !decoderOf(label)) throw invalid(CHARSET, unknownCharset(label));
      this.defaultCharset = label;
    });
  }

  private collectBytes(name: string, done: (bytes: Buffer) => void): PartSink {
    const chunks: Buffer[] = [];
    let size = 0;
    return {
      data: (chunk) => {
        size += chunk.length;
        if (size > this.maxBytes) throw invalid(name, `must be at most ${this.maxBytes} bytes`);
        chunks.push(chunk);
      },
      end: () => done(Buffer.concat(chunks)),
    };
  }
}

/** Gives the text, or what is wrong with the part. */
function decode(
  field: string,
  { bytes, contentType = '' }: TextPart,
  defaultCharset: string,
): string | FieldError {
  const own = parameterValues(contentType, 'charset');
  if (!own || own.length > 1) {
    return { field, message: 'must have a Content-Type whose charset can be read' };
  }
  const label = own[0] ?? defaultCharset;
  const decoder = decoderOf(label);
  if (!decoder) return { field, message: unknownCharset(label) };
  try {
    return decoder.decode(bytes);
  } catch {
    return { field, message: `must be valid ${decoder.encoding}` };
  }
}

/** Drops a byte order mark. Undefined where the charset is not known. */
function decoderOf(label: string): TextDecoder | undefined {
  try {
    return new TextDecoder(label, { fatal: true });
  } catch {
    return undefined;
  }
}

function unknownCharset(label: string): string {
  const shown = label.length > MAX_LABEL_CHARACTERS ? `${label.slice(0, MAX_LABEL_CHARACTERS)}…` : label;
  return `names the charset ${JSON.stringify(shown)}, which is not known`;
}

function invalid(field: string, message: string): Error {
  return invalidFields([{ field, message }]);
}
