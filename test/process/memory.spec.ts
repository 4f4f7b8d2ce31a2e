import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inLongRun } from '../support/long-run.js';
import { createTestKeys } from '../support/tokens.js';

const run = promisify(execFile);

const CALLS = inLongRun(3_000_000, 50_000);
const TIMEOUT_MS = inLongRun(1_200_000, 120_000);
/** A leak of eleven bytes a call would be more, and of one byte in a long run. */
const NOISE_BYTES = inLongRun(1024 * 1024, 512 * 1024);

interface Report {
  readonly made: number;
  /** How often a call ended at which element, or with which error. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** After so many calls each, with none under way. */
  readonly samples: readonly {
    readonly bytes: number;
    readonly timers: number;
    readonly listeners: number;
  }[];
}

describe(`${CALLS} calls through the outbound interceptors`, () => {
  let dataDir: string;
  let report: Report;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-memory-'));
    const elements = ['a', 'b', 'c'].map((id) => ({
      id,
      driver: 'local',
      path: join(dataDir, id),
      mode: 'edit',
    }));
    const env = {
      NODE_ENV: 'test',
      LOG_LEVEL: 'silent',
      DATA_DIR: dataDir,
      JWT_PUBLIC_KEY_FILE: await (await createTestKeys()).publicKeyFile(dataDir),
      STORAGE_ELEMENTS: JSON.stringify(elements),
      // Half of the calls wait for the other half, and circuits open and close all the time.
      STORAGE_MAX_CALLS: '20',
      STORAGE_RETRY_BASE_MS: '1',
      STORAGE_RETRY_MAX_MS: '1',
      STORAGE_CIRCUIT_RECOVERY_MS: '1',
      STORAGE_CIRCUIT_MAX_RECOVERY_MS: '1',
    };
    const script = join(import.meta.dirname, 'outbound-calls.js');
    const { stdout } = await run(process.execPath, ['--expose-gc', script, String(CALLS)], { env });
    report = JSON.parse(stdout) as Report;
  }, TIMEOUT_MS);

  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('end in every way in which one can', () => {
    expect(report.made).toBe(CALLS);
    expect(Object.keys(report.outcomes).toSorted((one, other) => one.localeCompare(other))).toEqual([
      'CLIENT_CLOSED_REQUEST',
      'NO_STORAGE_AVAILABLE',
      'STORAGE_FAILED',
      'storage:a',
      'storage:b',
    ]);
  });

  it('leave the heap as it is', () => {
    const bytes = report.samples.map((sample) => sample.bytes);
    expect((bytes.at(-1) ?? Infinity) - Math.min(...bytes)).toBeLessThan(NOISE_BYTES);
  });

  it('leave no timer, and no listener on a signal that outlives them', () => {
    expect(report.samples.map(({ timers, listeners }) => timers + listeners)).toEqual(
      report.samples.map(() => 0),
    );
  });
});
