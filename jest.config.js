const isLongRun = process.env.TEST_LONG === '1';
/** What measures memory, or waits for what a busy machine is late with: these run alone, after the others. */
const alone = [
  'test/faults/dying-element',
  'test/integration/body-source-replay',
  ...(isLongRun ? ['test/long/soak'] : []),
];

/** What is of no use in a minute. */
const longAlone = isLongRun ? [] : ['test/long/'];

const shared = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

const app = {
  ...shared,
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

/** One project per cost: unit specs sit beside their file, dearer kinds under test/. */
export default {
  testTimeout: isLongRun ? 900_000 : 60_000,
  // Jest leaves one core free, and there may be two.
  maxWorkers: '100%',
  // Modules of a file that is done are never quite given back, and a full heap makes every file after it slow.
  workerIdleMemoryLimit: '700MB',
  projects: [
    { ...shared, displayName: 'unit', roots: ['<rootDir>/src'], testMatch: ['**/*.spec.ts'] },
    {
      ...app,
      displayName: 'app',
      testMatch: ['**/*.spec.ts'],
      testPathIgnorePatterns: [...alone, ...longAlone],
    },
    {
      ...app,
      displayName: 'alone',
      testMatch: alone.map((path) => `<rootDir>/${path}.spec.ts`),
      runner: '<rootDir>/test/support/serial-runner.js',
    },
  ],
};
