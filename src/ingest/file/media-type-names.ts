/**
 * Types that go by several names. The first name of a row is the one that `file-type` gives, or else the registered
 * one; the others are older names, or names that operating systems and browsers use.
 */
const NAMES: readonly (readonly [string, ...string[]])[] = [
  ['application/octet-stream', 'binary/octet-stream', 'application/binary', 'application/x-binary'],

  ['image/jpeg', 'image/jpg', 'image/pjpeg'],
  ['image/png', 'image/x-png'],
  ['image/apng', 'image/vnd.mozilla.apng'],
  ['image/bmp', 'image/x-bmp', 'image/x-ms-bmp', 'image/x-windows-bmp'],
  ['image/x-icon', 'image/vnd.microsoft.icon', 'image/ico', 'image/icon', 'image/x-ico'],
  ['image/tiff', 'image/tif', 'image/x-tiff'],
  ['image/svg+xml', 'image/svg'],
  [
    'image/vnd.adobe.photoshop',
    'image/psd',
    'image/x-psd',
    'application/photoshop',
    'application/x-photoshop',
  ],
  ['image/vnd.dwg', 'image/x-dwg', 'application/acad', 'application/dwg', 'application/x-dwg'],
  ['image/icns', 'image/x-icns'],
  ['image/avif', 'image/avif-sequence'],
  ['image/jp2', 'image/jpeg2000', 'image/x-jpeg2000-image'],

  ['audio/mpeg', 'audio/mp3', 'audio/x-mp3', 'audio/x-mpeg', 'audio/mpeg3', 'audio/x-mpeg-3'],
  ['audio/aac', 'audio/x-aac', 'audio/aacp', 'audio/x-hx-aac-adts'],
  ['audio/wav', 'audio/x-wav', 'audio/wave', 'audio/vnd.wave'],
  ['audio/flac', 'audio/x-flac'],
  ['audio/x-m4a', 'audio/m4a'],
  ['audio/aiff', 'audio/x-aiff', 'audio/x-aifc'],
  ['audio/midi', 'audio/mid', 'audio/x-midi'],
  ['audio/amr', 'audio/amr-wb'],
  ['audio/ogg', 'audio/x-ogg', 'audio/opus', 'audio/vorbis', 'audio/speex'],
  ['audio/vnd.dolby.dd-raw', 'audio/ac3'],
  ['video/ogg', 'video/x-ogg'],
  ['application/ogg', 'application/x-ogg'],
  ['video/mpeg', 'video/mp1s', 'video/mp2p', 'video/x-mpeg', 'video/x-mpeg2'],
  ['video/vnd.avi', 'video/x-msvideo', 'video/avi', 'video/msvideo'],
  ['video/matroska', 'video/x-matroska'],
  ['audio/matroska', 'audio/x-matroska'],
  ['video/x-flv', 'video/flv'],
  ['video/x-m4v', 'video/m4v'],
  ['video/3gpp', 'video/3gp'],

  ['font/ttf', 'application/x-font-ttf', 'application/x-font-truetype'],
  ['font/otf', 'application/x-font-otf', 'application/x-font-opentype', 'application/vnd.ms-opentype'],
  ['font/woff', 'application/font-woff', 'application/x-font-woff'],
  ['font/woff2', 'application/font-woff2'],

  ['application/pdf', 'application/x-pdf', 'application/acrobat'],
  ['application/rtf', 'text/rtf', 'application/x-rtf'],
  ['application/eps', 'application/x-eps', 'image/x-eps', 'image/eps'],
  ['application/zip', 'application/x-zip', 'application/x-zip-compressed'],
  ['application/gzip', 'application/x-gzip'],
  ['application/x-tar', 'application/tar', 'application/x-gtar'],
  ['application/x-rar-compressed', 'application/vnd.rar', 'application/x-rar'],
  ['application/x-bzip2', 'application/bzip2', 'application/x-bzip'],
  ['application/zstd', 'application/x-zstd'],
  ['application/x-deb', 'application/vnd.debian.binary-package', 'application/x-debian-package'],
  ['application/x-rpm', 'application/x-redhat-package-manager'],
  ['application/x-cfb', 'application/x-ole-storage'],
  ['application/x-sqlite3', 'application/vnd.sqlite3'],
  ['application/java-archive', 'application/x-java-archive', 'application/x-jar'],
  ['application/java-vm', 'application/x-java-class', 'application/x-java'],
  ['application/x-shockwave-flash', 'application/vnd.adobe.flash.movie'],
  ['application/vnd.tcpdump.pcap', 'application/pcap', 'application/x-pcap'],
  ['application/vnd.visio', 'application/vnd.ms-visio.drawing', 'application/vnd.ms-visio.drawing.main+xml'],
  ['model/3mf', 'application/vnd.ms-3mfdocument', 'application/vnd.ms-package.3dmanufacturing-3dmodel+xml'],
  ['application/vnd.apple.keynote', 'application/x-iwork-keynote-sffkey'],
  ['application/vnd.apple.numbers', 'application/x-iwork-numbers-sffnumbers'],
  ['application/vnd.apple.pages', 'application/x-iwork-pages-sffpages'],
  [
    'application/x-msdownload',
    'application/vnd.microsoft.portable-executable',
    'application/x-dosexec',
    'application/x-msdos-program',
    'application/x-ms-dos-executable',
  ],
  [
    'application/x-elf',
    'application/x-executable',
    'application/x-pie-executable',
    'application/x-sharedlib',
    'application/x-object',
  ],
  ['application/x-unix-archive', 'application/x-archive'],

  ['application/xml', 'text/xml'],
  ['text/javascript', 'application/javascript', 'application/x-javascript', 'application/ecmascript'],
  ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'],
  ['application/sql', 'application/x-sql', 'text/x-sql'],
  ['text/csv', 'application/csv', 'text/x-csv', 'text/comma-separated-values'],
  ['text/markdown', 'text/x-markdown'],
];

const rows = new Map(NAMES.flatMap((row) => row.map((name) => [name, row] as const)));

/** Type and subtype of a `Content-Type`, in lower case and without parameters (RFC 9110 section 8.3.1). */
export function essenceOf(contentType: string): string {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** All names of a type, itself included. */
export function namesOf(essence: string): readonly string[] {
  return rows.get(essence) ?? [essence];
}

/** The one name under which the other tables know a type. */
export function mainNameOf(essence: string): string {
  return rows.get(essence)?.[0] ?? essence;
}
