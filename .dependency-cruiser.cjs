/**
 * The rooms of src, from the top line to the bottom one. A room imports rooms on lower lines only, so two rooms
 * on one line do not know each other. A new room takes its place here first.
 */
const lines = [
  ['protocols', 'admin', 'health', 'console', 'pages'],
  ['connections', 'peers'],
  ['versioning'],
  ['resumption'],
  ['ingest'],
  ['auth', 'delivery'],
  ['storage', 'replicas'],
  ['service-tokens', 'database'],
  ['outbound'],
  ['body'],
  ['observability'],
  ['config', 'errors', 'timing'],
];

/** Rooms that no protocol may show in. */
const engines = ['resumption', 'ingest', 'delivery', 'storage', 'outbound', 'body', 'database'];

const any = (rooms) => `(${rooms.join('|')})`;
const spec = '[.]spec[.]ts$';

const arrows = lines.map((rooms, index) => ({
  name: `${rooms.join('-')}-look-down`,
  comment: 'A room imports rooms on lower lines only.',
  severity: 'error',
  from: { path: `^src/${any(rooms)}/` },
  to: { path: `^src/${any(lines.slice(0, index + 1).flat())}/`, pathNot: '^src/$1/' },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'engines-know-no-http-server',
      comment:
        'What a request is and how it is answered only the edge knows: another protocol may bring the same file.',
      severity: 'error',
      from: { path: `^src/${any(engines)}/`, pathNot: spec },
      to: { path: `^(node:)?https?$|node_modules/(express|@nestjs/platform-express|@types/express)/` },
    },
    {
      name: 'pages-run-in-browsers',
      comment:
        'What the build makes for browsers knows nothing of the service but its API, and the service nothing of it.',
      severity: 'error',
      from: { path: '^src/pages/', pathNot: spec },
      // The service gives them this one as it is.
      to: { pathNot: '^(src/pages|node_modules/oauth4webapi)/' },
    },
    {
      name: 'rooms-have-a-line',
      comment: 'A folder of src is a room, and a room has its place in `lines`.',
      severity: 'error',
      from: {},
      to: { path: `^src/(?!${any(lines.flat())}/)[^/]+/` },
    },
    {
      name: 'rooms-show-their-top-level',
      comment: 'Another room sees only the files at the top of a room, not its sub-folders.',
      severity: 'error',
      from: { path: '^src/([^/]+)/' },
      to: { path: '^src/[^/]+/[^/]+/', pathNot: '^src/$1/' },
    },
    {
      name: 'root-sees-the-top-level',
      comment: 'The composition root sees only the files at the top of a room.',
      severity: 'error',
      from: { path: '^src/[^/]+$' },
      to: { path: '^src/[^/]+/[^/]+/' },
    },
    {
      name: 'nobody-imports-the-root',
      comment: 'app.module, main and the like put rooms together; no room knows them.',
      severity: 'error',
      from: { path: '^src/[^/]+/' },
      to: { path: '^src/[^/]+$' },
    },
    {
      name: 'product-stands-alone',
      comment: 'Product code never imports tests, benchmarks or mocks.',
      severity: 'error',
      from: { path: '^src/', pathNot: spec },
      to: { path: `^(test|bench|mocks)/|${spec}` },
    },
    {
      name: 'unit-specs-use-support-only',
      comment: 'A spec beside its file may use test/support, but no other spec.',
      severity: 'error',
      from: { path: `^src/.*${spec}` },
      to: { path: `^(test/(?!support/)|bench/|mocks/)|${spec}` },
    },
    {
      name: 'black-boxes-stay-outside',
      comment: 'These tests know the service from outside: HTTP and what test/support starts.',
      severity: 'error',
      from: { path: '^test/(mockserver|faults|process)/' },
      to: { path: '^(src|bench|mocks|test)/', pathNot: '^test/(support|$1)/' },
    },
    {
      name: 'support-serves-all-kinds',
      comment: 'test/support belongs to no kind of test.',
      severity: 'error',
      from: { path: '^test/support/' },
      to: { path: '^(bench/|mocks/|test/(?!support/))' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-development-packages-in-the-product',
      comment: 'The runtime image has production dependencies only. Types vanish in the build.',
      severity: 'error',
      from: { path: '^src/', pathNot: spec },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unlisted-packages',
      comment: 'A package that package.json does not name may vanish with the next install.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // Else it reports the cycles inside Nest.
    doNotFollow: { path: 'node_modules' },
    // A type is an arrow too: a circle of types is as hard to read as one of values.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    // ESM imports say `.js` and mean `.ts`.
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
    },
  },
};
