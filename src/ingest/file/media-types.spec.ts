import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import {
  APNG,
  binary,
  COMPOUND_FILE,
  DOCM,
  DOCM_FILE,
  DOCX,
  DOCX_FILE,
  ELF,
  GIF,
  HTML,
  isoFile,
  JAR,
  JPEG,
  LATE_DOCX,
  latin1,
  MP3_WITH_PICTURE,
  MSDOS,
  ogg,
  PDF,
  PNG,
  PRESENTATION,
  PROLOG,
  SVG,
  TIFF,
  webm,
  XLSX,
  zip,
  ZIP,
} from '../../../test/support/sample-files.js';
import type { ServiceError } from '../../errors/service-error.js';
import { MediaTypes, SNIFF_BYTES } from './media-types.js';

type Case = [what: string, allowed: string, declared: string, bytes: string | Buffer];

/** 'taken', or the detail of the refusal. */
async function verdict(...[, allowed, declared, bytes]: Case): Promise<string> {
  const mediaTypes = new MediaTypes(allowed.split(','));
  try {
    mediaTypes.checkDeclared(declared);
    await mediaTypes.checkBytes(declared, Buffer.from(bytes).subarray(0, SNIFF_BYTES));
    return 'taken';
  } catch (error) {
    expect(error).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
    return (error as ServiceError).detail;
  }
}

describe('MediaTypes', () => {
  it.each<Case>([
    ['a PNG file', 'image/png', 'image/png', PNG],
    ['an animated PNG file', 'image/png', 'image/png', APNG],
    ['a GIF file', 'image/gif', 'image/gif', GIF],
    ['a JPEG file declared by another name', 'image/jpeg', 'image/jpg', JPEG],
    ['a JPEG file where another name is allowed', 'image/jpg', 'image/jpeg', JPEG],
    [
      'a Windows icon by its registered name',
      'image/*',
      'image/vnd.microsoft.icon',
      binary('0000010001001010'),
    ],
    ['a TIFF file whose directory is at its end', 'image/tiff', 'image/tiff', TIFF],
    ['a photograph in a TIFF file', 'image/*', 'image/x-pentax-pef', TIFF],
    ['a HEIC file of the general brand', 'image/heic', 'image/heic', isoFile('mif1')],
    ['sound alone in a WebM file', 'audio/webm', 'audio/webm', webm('webm')],
    ['a WebM file that says Matroska', 'video/webm', 'video/webm;codecs=vp9', webm('matroska')],
    ['Opus in Ogg', 'audio/ogg', 'audio/ogg', ogg('OpusHead')],
    ['Opus in Ogg by the name of the codec', 'audio/ogg', 'audio/opus', ogg('OpusHead')],
    ['a sound in an MP4 file', 'audio/*', 'audio/mp4', isoFile('M4A ')],
    ['a sound in an MP4 file of a general brand', 'audio/*', 'audio/mp4', isoFile('isom')],
    ['a QuickTime file declared as MP4', 'video/mp4', 'video/mp4', isoFile('qt  ')],
    ['a segment of an MP4 stream', 'video/mp4', 'video/mp4', latin1('\0\0\0\x18stypmsdh\0\0\0\0')],
    ['an MPEG program stream', 'video/mpeg', 'video/mpeg', binary('000001ba44000400')],
    ['an MP3 file with a picture before the sound', 'audio/mpeg', 'audio/mp3', MP3_WITH_PICTURE],
    ['an MP3 file that begins within a frame', 'audio/mpeg', 'audio/mpeg', binary('0102030405')],
    ['a FLAC file with a tag before the sound', 'audio/flac', 'audio/x-flac', MP3_WITH_PICTURE],
    [
      'a WAV file of more than 4 GiB',
      'audio/wav',
      'audio/x-wav',
      latin1('RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0'),
    ],
    ['an AVI file by its usual name', 'video/x-msvideo', 'video/x-msvideo', latin1('RIFF\x24\0\0\0AVI LIST')],
    ['an OpenType font with TrueType outlines', 'font/otf', 'font/otf', binary('0001000000')],
  ])('takes a picture, sound, film or font as what it is: %s', async (...sample) => {
    expect(await verdict(...sample)).toBe('taken');
  });

  it.each<Case>([
    ['an SVG file', 'image/svg+xml', 'image/svg+xml', SVG],
    ['an SVG file with a prolog', 'image/*', 'image/svg+xml', PROLOG + SVG],
    [
      'an SVG file with a comment and a document type',
      'image/svg+xml',
      'image/svg+xml',
      `${PROLOG}<!-- <html> --><!DOCTYPE svg [<!ENTITY a "b">]>\n${SVG}`,
    ],
    [
      'an SVG file with a namespace prefix',
      'image/svg+xml',
      'image/svg+xml',
      '<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>',
    ],
    [
      'an SVG file in UTF-16',
      'image/svg+xml',
      'image/svg+xml',
      Buffer.from(`\ufeff${PROLOG}${SVG}`, 'utf16le'),
    ],
    [
      'an SVG file with much before its root',
      'image/svg+xml',
      'image/svg+xml',
      `${PROLOG}<!--${' '.repeat(5_000)}-->${SVG}`,
    ],
    ['an SVG file as XML', 'application/xml', 'text/xml', PROLOG + SVG],
    ['XML of an application', 'application/rss+xml', 'application/rss+xml', `${PROLOG}<rss/>`],
    ['XML without a prolog', 'application/xml', 'application/xml', '<note/>'],
    ['XML as text', 'text/plain', 'text/plain', `${PROLOG}<note/>`],
    ['XHTML', 'application/xhtml+xml', 'application/xhtml+xml', `${PROLOG}<!DOCTYPE html><html/>`],
    ['HTML', 'text/html', 'text/html', HTML],
    ['HTML as text', 'text/plain', 'text/plain', HTML],
    ['JSON', 'application/json', 'application/json', '{"free": true}'],
  ])('takes markup: %s', async (...sample) => {
    expect(await verdict(...sample)).toBe('taken');
  });

  it.each<Case>([
    ['an old Word document', 'application/msword', 'application/msword', COMPOUND_FILE],
    ['an old spreadsheet', 'application/vnd.ms-excel', 'application/vnd.ms-excel', COMPOUND_FILE],
    ['an old presentation', 'application/vnd.ms-powerpoint', 'application/vnd.ms-powerpoint', COMPOUND_FILE],
    ['an Outlook message', 'application/vnd.ms-outlook', 'application/vnd.ms-outlook', COMPOUND_FILE],
    ['a Word document', DOCX, DOCX, DOCX_FILE],
    ['a Word document whose kind comes late', DOCX, DOCX, LATE_DOCX],
    ['a Word document with a password', DOCX, DOCX, COMPOUND_FILE],
    ['a Word document with macros, where they are allowed', DOCM, DOCM, DOCM_FILE],
    ['a presentation', PRESENTATION, PRESENTATION, zip(['mimetype', PRESENTATION])],
    ['an archive of Java classes', 'application/java-archive', 'application/java-archive', JAR],
    [
      'an Android package that begins as an archive of Java',
      'application/*',
      'application/vnd.android.package-archive',
      JAR,
    ],
    [
      'a format of its own in a ZIP file',
      'application/vnd.google-earth.kmz',
      'application/vnd.google-earth.kmz',
      ZIP,
    ],
    ['a ZIP file as Windows declares it', 'application/zip', 'application/x-zip-compressed', ZIP],
    ['a ZIP file that is a document too', 'application/zip', 'application/zip', DOCX_FILE],
    ['a compressed archive as the archive', 'application/x-tar', 'application/x-tar', gzipSync('hello')],
    [
      'a CSV file as Windows declares it',
      'application/vnd.ms-excel',
      'application/vnd.ms-excel',
      'a;b\r\n1;2\r\n',
    ],
    ['a PDF file', 'application/pdf', 'application/pdf', PDF],
    ['a PDF file after an empty line', 'application/pdf', 'application/pdf', `\r\n${PDF}`],
    ['a PDF file after other bytes', 'application/pdf', 'application/pdf', `\x1b%-12345X\0${PDF}`],
    ['an Illustrator file', 'application/postscript', 'application/postscript', PDF],
    ['an RTF file', 'text/*', 'application/rtf', String.raw`{\rtf1 hello}`],
  ])('takes a document or archive: %s', async (...sample) => {
    expect(await verdict(...sample)).toBe('taken');
  });

  it.each([
    'BMW is a car maker.',
    'MZ is how programs begin.',
    'GIF89a is a version.',
    'ID3 tags are metadata.',
    'PAR1, the first paragraph',
    'FORM 27b/6',
    'solid advice',
    'AC1015 is a drawing',
    '100 free tickets',
    '%! not PostScript',
    'PK and friends',
    'RIFF on that',
    '-----BEGIN PGP MESSAGE-----',
    'A %PDF-1.7 file has a header.',
    '\xef\xbb\xbfMZ after a byte order mark',
    '\xff\xfeM\0Z\0 \0i\0n\0 \0U\0T\0F\0-\x001\x006\0',
    '',
  ])('takes text that begins like another type: %j', async (text) => {
    expect(await verdict(text, 'text/plain', 'text/plain', latin1(text))).toBe('taken');
    const unknown = 'application/octet-stream';
    expect(await verdict(text, unknown, unknown, latin1(text))).toBe('taken');
    expect(await verdict(text, 'application/json', 'application/json', latin1(text))).toBe('taken');
  });

  it.each([
    ...'image/png image/jpg image/gif image/webp image/bmp image/tiff image/svg+xml image/heic'.split(' '),
    ...'image/x-icon audio/mpeg audio/wav audio/ogg audio/webm audio/aac video/mp4 video/webm'.split(' '),
    ...'video/quicktime video/mpeg font/woff2 font/ttf application/pdf application/rtf'.split(' '),
    ...'application/zip application/gzip application/x-tar application/java-archive'.split(' '),
    ...'application/epub+zip application/msword application/vnd.ms-excel'.split(' '),
    DOCX,
    DOCM,
    PRESENTATION,
  ])('refuses HTML that is declared as %s', async (type) => {
    expect(await verdict('HTML', type, type, HTML)).toContain('are text/html');
    expect(await verdict('XHTML', type, type, `${PROLOG}<!DOCTYPE html>${HTML}`)).toContain('are text/html');
  });

  it.each<Case>([
    ['a file of no bytes as a picture', 'image/png', 'image/png', ''],
    ['other bytes as a picture', 'image/*', 'image/png', binary('0102030405')],
    ['a picture as one of another kind', 'image/*', 'image/png', JPEG],
    ['text that begins as a picture', 'image/gif', 'image/gif', 'GIF89a/*<script>*/=1'],
    ['a film as a picture', 'image/*', 'image/heic', isoFile('isom')],
    ['a ZIP file as a picture', 'image/*', 'image/openraster', ZIP],
    ['a picture as text', 'text/*,image/png', 'text/plain', PNG],
    ['an MS-DOS program as text', 'text/*', 'text/plain', MSDOS],
    ['a Linux program as text', 'text/*', 'text/plain', ELF],
    ['a ZIP file as JSON', 'application/*', 'application/json', ZIP],
    ['a PDF file as text', 'text/*', 'text/plain', PDF],
    ['an RTF file as plain text', 'text/*', 'text/plain', String.raw`{\rtf1 hello}`],
    ['a TIFF file as text', 'text/*', 'text/plain', TIFF],
    ['an archive of Java classes as a document', DOCX, DOCX, JAR],
    ['a document with macros as one without', `${DOCX},${DOCM}`, DOCX, DOCM_FILE],
    ['a Word document as a spreadsheet', `${DOCX},${XLSX}`, XLSX, DOCX_FILE],
    ['an MS-DOS program as a document', 'application/*', 'application/msword', MSDOS],
    ['a program as a format that is not known', 'application/vnd.example', 'application/vnd.example', ELF],
    ['text as a film', 'video/*', 'video/mp2t', 'const a = 1;\n'],
    [
      'a picture of no declared type, not allowed',
      'application/octet-stream',
      'application/octet-stream',
      PNG,
    ],
    ['HTML of no declared type, not allowed', 'application/octet-stream', 'application/octet-stream', HTML],
    [
      'an archive of no declared type, not allowed',
      'application/octet-stream',
      'application/octet-stream',
      ZIP,
    ],
  ])('refuses what the bytes contradict: %s', async (...sample) => {
    expect(await verdict(...sample)).toMatch(/^The bytes of the file are|does not begin/);
  });

  it.each<Case>([
    ['a picture that is allowed', 'application/octet-stream,image/jpg', 'application/octet-stream', JPEG],
    ['a picture of an allowed range', 'application/octet-stream,image/*', 'binary/octet-stream', GIF],
    [
      'a sound in a container',
      'application/octet-stream,audio/webm',
      'application/octet-stream',
      webm('webm'),
    ],
    [
      'compressed bytes that could be a disk image',
      'application/octet-stream',
      'application/octet-stream',
      binary('7801'),
    ],
    [
      'encrypted bytes that could be sound',
      'application/octet-stream',
      'application/octet-stream',
      binary('fffb9000'),
    ],
    [
      'bytes without a signature',
      'application/octet-stream',
      'application/octet-stream',
      binary('0102030405'),
    ],
  ])('goes by the bytes where the declared type says nothing: %s', async (...sample) => {
    expect(await verdict(...sample)).toBe('taken');
  });

  it('refuses a declared type outside of the list, whatever its parameters and case', () => {
    const mediaTypes = new MediaTypes(['image/*', 'Text/Plain']);
    expect(() => mediaTypes.checkDeclared('application/pdf')).toThrow('UNSUPPORTED_MEDIA_TYPE');
    expect(() => mediaTypes.checkDeclared('TEXT/plain ; charset=utf-8')).not.toThrow();
    expect(() => mediaTypes.checkDeclared('image/svg+xml')).not.toThrow();
    expect(() => mediaTypes.checkDeclared('application/x-photoshop')).not.toThrow();
  });

  it('says what was declared and what the bytes are', async () => {
    expect(await verdict('another type', 'image/*', 'Image/JPG', PNG)).toBe(
      'The bytes of the file are image/png, which is not taken as "image/jpg".',
    );
    expect(await verdict('no signature', 'image/*', 'image/png', 'hello')).toBe(
      'The file is declared as "image/png", and does not begin as such files do.',
    );
  });
});
