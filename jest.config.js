import { availableParallelism } from 'node:os';

const isLongRun = process.env.TEST_LONG === '1';
/** What measures memory, or waits for what a busy machine is late with: these run alone, after the others. */
const alone = [
  'test/faults/dying-element',
  'test/integration/body-source-replay',
  ...(isLongRun ? ['test/long/soak'] : []),
];

/** What is of no use in a minute. */
const longAlone = isLongRun ? [] : ['test/long/'];

/** `npm run test:s3` runs these, unless a store is named for all. */
const { S3_TEST_ENDPOINT, S3_TEST_GATEWAY } = process.env;
const storeAlone = S3_TEST_ENDPOINT || S3_TEST_GATEWAY ? [] : ['test/contract/s3-real-store'];

/** What V8 counts of a file is found in a module that the spec file has loaded for itself. */
const isCoverageRun = process.argv.includes('--coverage');

/** Modules are loaded once for all spec files of a worker. */
const sharedModules = {
  runtime: '<rootDir>/test/support/shared-runtime.js',
  testEnvironment: '<rootDir>/test/support/shared-environment.js',
};

/** What all projects have. */
const common = {
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

const usual = isCoverageRun ? common : { ...common, ...sharedModules };

const app = {
  roots: ['<rootDir>/test'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
};

/** One project per cost: unit specs sit beside their file, dearer kinds under test/. */
export default {
  testTimeout: isLongRun ? 900_000 : 60_000,
  // Half of the time of most files under test/ goes by waiting.
  maxWorkers: availableParallelism() + 2,
  testSequencer: '<rootDir>/test/support/longest-first.js',
  // A full heap makes every file after it slow. Modules that each file loads for itself are never quite given back.
  workerIdleMemoryLimit: '700MB',
  projects: [
    { ...usual, displayName: 'unit', roots: ['<rootDir>/src'], testMatch: ['**/*.spec.ts'] },
    {
      ...usual,
      ...app,
      displayName: 'app',
      testMatch: ['**/*.spec.ts'],
      testPathIgnorePatterns: [...alone, ...longAlone, ...storeAlone],
    },
    {
      ...common,
      ...app,
      displayName: 'alone',
      testMatch: alone.map((path) => `<rootDir>/${path}.spec.ts`),
      runner: '<rootDir>/test/support/serial-runner.js',
    },
  ],
};
