/** A type by its main name, or all types that a pattern fits. */
type Member = string | RegExp;

const OFFICE_OPEN_XML = /^application\/vnd\.openxmlformats-officedocument\.[a-z]+\.[a-z]+$/;
const WITH_MACROS = /\.macroenabled\.12$/;

const OOXML = 'application/vnd.openxmlformats-officedocument';

/** Formats of one container. Which of them it is shows late in the file or not at all, so one may stand for another. */
const PEERS: readonly (readonly string[])[] = [
  ['image/png', 'image/apng'],
  [
    'image/tiff',
    'image/x-adobe-dng',
    'image/x-canon-cr2',
    'image/x-nikon-nef',
    'image/x-sony-arw',
    'image/x-pentax-pef',
  ],
  ['image/heif', 'image/heif-sequence', 'image/heic', 'image/heic-sequence', 'image/avif'],
  ['image/jp2', 'image/jpx', 'image/jpm'],
  [
    'video/mp4',
    'audio/mp4',
    'application/mp4',
    'audio/x-m4a',
    'video/x-m4v',
    'video/quicktime',
    'video/3gpp',
    'audio/3gpp',
    'video/3gpp2',
    'audio/3gpp2',
    'video/iso.segment',
  ],
  ['video/matroska', 'audio/matroska', 'video/webm', 'audio/webm'],
  ['application/ogg', 'audio/ogg', 'video/ogg'],
  ['application/vnd.ms-asf', 'audio/x-ms-asf', 'video/x-ms-asf', 'audio/x-ms-wma', 'video/x-ms-wmv'],
  ['audio/mpeg', 'audio/aac'],
  ['video/mpeg', 'video/mp2t'],
  ['font/ttf', 'font/otf', 'font/collection', 'font/sfnt'],
  ['application/postscript', 'application/eps'],
  ['application/x-unix-archive', 'application/x-deb'],
  [`${OOXML}.wordprocessingml.document`, `${OOXML}.wordprocessingml.template`],
  [`${OOXML}.spreadsheetml.sheet`, `${OOXML}.spreadsheetml.template`],
  [
    `${OOXML}.presentationml.presentation`,
    `${OOXML}.presentationml.template`,
    `${OOXML}.presentationml.slideshow`,
  ],
];

/** Formats that are always files of a more general one. Either name is true of them. */
const SPECIAL: ReadonlyMap<string, readonly Member[]> = new Map([
  [
    'application/zip',
    [
      /\+zip$/,
      OFFICE_OPEN_XML,
      WITH_MACROS,
      /^application\/vnd\.oasis\.opendocument\.(?!.*-flat-xml$)/,
      'application/java-archive',
      'application/vnd.android.package-archive',
      'application/x-xpinstall',
      'application/vnd.apple.keynote',
      'application/vnd.apple.numbers',
      'application/vnd.apple.pages',
      'application/vnd.visio',
      'model/3mf',
    ],
  ],
  [
    'application/x-cfb',
    [
      'application/msword',
      'application/vnd.ms-excel',
      'application/vnd.ms-powerpoint',
      'application/vnd.ms-outlook',
      'application/vnd.ms-project',
      'application/vnd.ms-publisher',
      'application/vnd.ms-works',
      'application/vnd.visio',
      'application/x-msi',
    ],
  ],
  ['application/xml', [/\+xml$/]],
]);

const COMPRESSED = [
  'application/gzip',
  'application/x-bzip2',
  'application/x-xz',
  'application/zstd',
  'application/x-compress',
  'application/lzip',
  'application/x-lz4',
];

/** `tar.gz` is declared as what is in it; Blender and disk images compress their own contents. */
const COMPRESSING = ['application/x-tar', 'application/x-blender', 'application/x-apple-diskimage'];

/** What bytes of one type may rightly be declared as beside that. */
const DECLARED_AS: ReadonlyMap<string, readonly Member[]> = new Map<string, readonly Member[]>([
  ...COMPRESSED.map((type) => [type, COMPRESSING] as const),
  // An Office file with a password is wrapped in a compound file.
  ['application/x-cfb', [OFFICE_OPEN_XML, WITH_MACROS]],
  // Macros show only in a part that may come late.
  [`${OOXML}.wordprocessingml.document`, [/^application\/vnd\.ms-word\..*\.macroenabled\.12$/]],
  [`${OOXML}.spreadsheetml.sheet`, [/^application\/vnd\.ms-excel\..*\.macroenabled\.12$/]],
  [`${OOXML}.presentationml.presentation`, [/^application\/vnd\.ms-powerpoint\..*\.macroenabled\.12$/]],
  // Android and Firefox packages are signed as Java archives are.
  ['application/java-archive', ['application/vnd.android.package-archive', 'application/x-xpinstall']],
  // An ID3 tag may stand before each of these.
  ['audio/mpeg', ['audio/flac', 'audio/ape', 'audio/wavpack', 'audio/x-musepack']],
  // Type 1 fonts are PostScript.
  ['application/postscript', ['application/x-font-type1']],
  // Illustrator writes PDF, and its files have gone by both names.
  [
    'application/pdf',
    ['application/postscript', 'application/illustrator', 'application/vnd.adobe.illustrator'],
  ],
]);

/** Types of text that are not named `text`. */
const TEXT: ReadonlySet<string> = new Set([
  'application/json',
  'application/x-ndjson',
  'application/jsonl',
  'application/json-seq',
  'application/json5',
  'application/xml',
  'application/xml-dtd',
  'application/yaml',
  'application/toml',
  'application/sql',
  'application/graphql',
  'application/x-sh',
  'application/x-csh',
  'application/x-perl',
  'application/x-php',
  'application/x-httpd-php',
  'application/x-tex',
  'application/x-latex',
  'application/x-subrip',
]);
const TEXT_SUFFIX = /\+(?:json|xml|yaml)$/;

/** Types of bytes that are text all the same, and can be declared as any kind of it. */
const MARKUP: ReadonlySet<string> = new Set(['application/xml', 'image/svg+xml', 'text/html']);

/** Containers in which many applications keep formats of their own. */
const CONTAINERS: ReadonlySet<string> = new Set([
  ...COMPRESSED,
  'application/zip',
  'application/x-tar',
  'application/x-7z-compressed',
  'application/x-rar-compressed',
  'application/x-cfb',
  'application/xml',
  'application/x-sqlite3',
]);

const peers = new Map(PEERS.flatMap((group) => group.map((type) => [type, group] as const)));

/** Is a type text by its name? Takes the main name. */
export function isTextType(type: string): boolean {
  return type.startsWith('text/') || TEXT.has(type) || TEXT_SUFFIX.test(type);
}

/** Is what has this signature text? */
export function isMarkup(sniffed: string): boolean {
  return MARKUP.has(sniffed);
}

/** Can a file that was declared as the one type have the signature of the other? Both by their main names. */
export function agree(declared: string, sniffed: string): boolean {
  return (
    declared === sniffed ||
    (peers.get(declared)?.includes(sniffed) ?? false) ||
    fits(SPECIAL.get(sniffed), declared) ||
    fits(SPECIAL.get(declared), sniffed) ||
    fits(DECLARED_AS.get(sniffed), declared)
  );
}

/** Does a type have the signature of a container, whichever kind of it it is? XML files may begin without one. */
export function hasContainer(type: string): boolean {
  return (
    peers.has(type) ||
    fits(SPECIAL.get('application/zip'), type) ||
    fits(SPECIAL.get('application/x-cfb'), type)
  );
}

/** May the format of an application, of which nothing else is known, be kept in a container of this type? */
export function mayBeKeptIn(declared: string, sniffed: string): boolean {
  return CONTAINERS.has(sniffed) && /^(?:application|model)\/(?!octet-stream$)/.test(declared);
}

function fits(members: readonly Member[] | undefined, type: string): boolean {
  return (
    members?.some((member) => (typeof member === 'string' ? member === type : member.test(type))) ?? false
  );
}
