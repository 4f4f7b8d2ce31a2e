/** The first bytes of files as programs write them, and their types. */

const OOXML = 'application/vnd.openxmlformats-officedocument';
export const DOCX = `${OOXML}.wordprocessingml.document`;
export const XLSX = `${OOXML}.spreadsheetml.sheet`;
export const DOCM = 'application/vnd.ms-word.document.macroenabled.12';
export const PRESENTATION = 'application/vnd.oasis.opendocument.presentation';

export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
/** A beginning in hexadecimal, and zeros after it. */
export const binary = (hex: string, zeros = 64): Buffer =>
  Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(zeros)]);

export const HTML = '<html><script>alert(1)</script></html>';
export const PROLOG = '<?xml version="1.0" encoding="UTF-8"?>\n';
export const SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>';
export const PNG = binary(
  '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000049444154',
);
export const APNG = binary(
  '89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489000000086163544c0000000100000000b92d6c0d',
);
export const JPEG = binary('ffd8ffe000104a46494600010100000100010000');
export const GIF = latin1(
  'GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;',
);
export const COMPOUND_FILE = binary('d0cf11e0a1b11ae1', 600);
export const MSDOS = latin1('MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0');
export const ELF = binary('7f454c46020101');
export const PDF = '%PDF-1.7\n1 0 obj << /Type /Catalog >> endobj\n';
export const MP3_WITH_PICTURE = Buffer.concat([latin1('ID3\x04\0\0\0\x01\0\0'), Buffer.alloc(5_000)]);
export const webm = (docType: string): Buffer =>
  latin1(`\x1aE\xdf\xa3\x8b\x42\x82${String.fromCharCode(0x80 + docType.length)}${docType}\0\0\0\0`);
export const ogg = (codec: string): Buffer =>
  latin1(`OggS\0\x02${'\0'.repeat(20)}\x01\x13${codec}${'\0'.repeat(20)}`);
export const isoFile = (brand: string): Buffer => latin1(`\0\0\0\x18ftyp${brand}\0\0\0\0mp42`);
/** Its directory stands behind the picture, as most programs write it. */
export const TIFF = Buffer.concat([latin1('II*\0\x40\x1f\0\0'), Buffer.alloc(8_000)]);

export function zip(...entries: [name: string, content: string | Buffer][]): Buffer {
  return Buffer.concat(
    entries.flatMap(([name, content]) => {
      const header = Buffer.alloc(30);
      header.write('PK\x03\x04', 'latin1');
      header.writeUInt32LE(content.length, 18);
      header.writeUInt32LE(content.length, 22);
      header.writeUInt16LE(name.length, 26);
      return [header, latin1(name), Buffer.from(content)];
    }),
  );
}

const contentTypes = (type: string): [string, string] => [
  '[Content_Types].xml',
  `<Types><Override PartName="/main.xml" ContentType="${type}.main+xml"/></Types>`,
];
export const ZIP = zip(['readme.txt', 'hello']);
export const JAR = zip(['META-INF/MANIFEST.MF', 'Manifest-Version: 1.0\n']);
export const DOCX_FILE = zip(contentTypes(DOCX), ['word/document.xml', '<w:document/>']);
export const DOCM_FILE = zip(contentTypes('application/vnd.ms-word.document.macroEnabled'));
export const LATE_DOCX = zip(['docProps/thumbnail.jpeg', Buffer.alloc(9_000)], contentTypes(DOCX));
