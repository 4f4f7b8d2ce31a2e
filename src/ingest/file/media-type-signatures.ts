import { fileTypeFromBuffer, supportedMimeTypes } from 'file-type';
import { hasContainer } from './media-type-families.js';
import { essenceOf, mainNameOf } from './media-type-names.js';

/** Formats that are text, and begin in a way in which no other text does. */
const TEXT_SIGNATURES: readonly (readonly [type: string, beginning: string])[] = [
  ['application/pdf', '%PDF-'],
  ['application/rtf', String.raw`{\rtf`],
  ['application/postscript', '%!PS'],
  ['application/x-unix-archive', '!<arch>\n'],
];

/** Signatures that `file-type` misses in the beginning of a file. */
const BINARY_SIGNATURES: readonly (readonly [type: string, pattern: RegExp])[] = [
  // The directory of a TIFF file, which `file-type` looks for, is mostly at its end.
  ['image/tiff', /^(?:II[*+]\0|MM\0[*+])/],
  // Segments of a stream, and older QuickTime files, begin with other boxes.
  ['video/mp4', /^[^]{4}(?:styp|sidx|moof|skip|pnot)/],
  // More than 4 GiB of sound.
  ['audio/wav', /^(?:RF64|BW64)[^]{4}WAVE/],
  // Readers of PDF look for it in the first 1024 bytes.
  ['application/pdf', /^[^]{0,1019}%PDF-/],
];

/** Types whose files may do without the signature that `file-type` knows; some of them are text. */
const SIGNATURE_OPTIONAL: ReadonlySet<string> = new Set([
  'application/xml',
  'application/postscript',
  'application/eps',
  'application/pgp-encrypted',
  'application/x-ms-regedit',
  'model/stl',
  // Windows declares CSV files as this where Excel is installed.
  'application/vnd.ms-excel',
]);

/** Binary types whose signature may come late, or be one of several that are not all known. */
const SIGNATURE_LATE: ReadonlySet<string> = new Set([
  'audio/mpeg',
  'audio/aac',
  'audio/vnd.dolby.dd-raw',
  'video/mpeg',
  'video/mp2t',
  'application/mxf',
  'image/x-olympus-orf',
  'image/x-panasonic-rw2',
  'application/dicom',
  'application/vnd.sketchup.skp',
  'font/ttf',
  'font/woff',
  'font/woff2',
  'application/vnd.ms-fontobject',
  'application/x-shockwave-flash',
  'application/x-iso9660-image',
  'application/x-apple-diskimage',
  'application/x-cpio',
  'application/zstd',
  'application/x-lz4',
  'application/vnd.tcpdump.pcap',
]);

/** Binary types of which `file-type` looks at two bytes or less: any other bytes may begin so by chance. */
const SIGNATURE_WEAK: ReadonlySet<string> = new Set([
  'audio/mpeg',
  'audio/aac',
  'audio/vnd.dolby.dd-raw',
  'image/jxl',
  'application/x-apple-diskimage',
  'application/x-arj',
  'application/x-compress',
  'application/x-cpio',
]);

const RECOGNISED: ReadonlySet<string> = new Set(
  [...supportedMimeTypes].map((mime) => mainNameOf(essenceOf(mime))),
);

const HTML_ELEMENTS = new Set(['html', 'head', 'body', 'script']);

/** Does each file of this type have a signature, early or late? Takes the main name. */
export function hasSignature(type: string): boolean {
  if (type.startsWith('text/') || SIGNATURE_OPTIONAL.has(type)) return false;
  return RECOGNISED.has(type) || hasContainer(type) || type === 'image/svg+xml';
}

/** Do other files have this signature by chance? */
export function isWeak(sniffed: string): boolean {
  return SIGNATURE_WEAK.has(sniffed);
}

/** May a file that begins like this be of the type, although no signature was found? */
export function mayLackSignature(type: string, head: Buffer): boolean {
  return SIGNATURE_LATE.has(type) ? !isText(head) : !hasSignature(type);
}

/**
 * The main name of the type whose signature the bytes have; undefined where they have none. Text is not taken for a
 * binary format whose signature happens to be letters.
 */
export async function sniff(head: Buffer): Promise<string | undefined> {
  if (isText(head)) return sniffText(head);
  const found = await fileTypeFromBuffer(head);
  if (found) return mainNameOf(essenceOf(found.mime));
  const beginning = head.toString('latin1');
  return BINARY_SIGNATURES.find(([, pattern]) => pattern.test(beginning))?.[0];
}

/** No byte is one that text never has, or a byte order mark says that it is UTF-16 (WHATWG MIME Sniffing section 7.2). */
function isText(head: Buffer): boolean {
  const mark = head.length > 1 ? head.readUInt16BE(0) : 0;
  return mark === 0xfeff || mark === 0xfffe || !head.some(isBinaryByte);
}

/** WHATWG MIME Sniffing section 3: a control character other than tab, line and page ends, and escape. */
function isBinaryByte(byte: number): boolean {
  return byte < 0x20 && byte !== 0x1b && (byte < 0x09 || byte === 0x0b || byte > 0x0d);
}

function sniffText(head: Buffer): string | undefined {
  const text = head
    .toString('latin1')
    .replaceAll('\0', '')
    .replace(/^(?:\xef\xbb\xbf|\xfe\xff|\xff\xfe)/, '')
    .trimStart();
  return TEXT_SIGNATURES.find(([, beginning]) => text.startsWith(beginning))?.[0] ?? sniffMarkup(text);
}

function sniffMarkup(text: string): string | undefined {
  const markup = text.replaceAll(/<!--[^]*?(?:-->|$)/g, '').trimStart();
  if (!markup.startsWith('<')) return undefined;
  const root = /<(?:[\w.-]+:)?([a-z][\w.-]*)/i.exec(markup)?.[1];
  if (root === 'svg') return 'image/svg+xml';
  if (/^<!doctype html/i.test(markup) || (root && HTML_ELEMENTS.has(root.toLowerCase()))) return 'text/html';
  return markup.startsWith('<?xml') ? 'application/xml' : undefined;
}
