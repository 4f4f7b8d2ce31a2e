import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';

const run = promisify(execFile);
const VERSION = '4.32.5';
const HOME = join(import.meta.dirname, `../../node_modules/.cache/schemathesis-${VERSION}`);
const SCHEMATHESIS = join(HOME, 'bin/schemathesis');
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'ignored_auth',
];
/** A machine that is busy may be late for the time that a call has; what says so is no fault of ours. */
const CONFIG = `hooks = "hooks.py"

[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503, 504]
`;
/** It knows how to send bytes, and has to be told that these are some. */
const HOOKS = `import schemathesis

for media_type in ("application/offset+octet-stream", "application/partial-upload"):
    schemathesis.serializer.alias(media_type, "application/octet-stream")
`;
const CASES = 100;
const MINUTE_MS = 60_000;

const hasPython = spawnSync('python3', ['-m', 'venv', '--help']).status === 0;
const describeWithPython = hasPython ? describe : describe.skip;

/** Schemathesis sends to every operation of the document what fits it and what does not. */
describeWithPython(`Schemathesis${hasPython ? '' : ' (needs python3 with venv)'}`, () => {
  let running: RunningApp;
  let folder: string;

  beforeAll(async () => {
    if (!existsSync(SCHEMATHESIS)) {
      await run('python3', ['-m', 'venv', HOME]);
      await run(join(HOME, 'bin/pip'), ['install', '--quiet', `schemathesis==${VERSION}`]);
    }
    folder = await mkdtemp(join(tmpdir(), 'ingester-schemathesis-'));
    await writeFile(join(folder, 'schemathesis.toml'), CONFIG);
    await writeFile(join(folder, 'hooks.py'), HOOKS);
    running = await startApp({ CORS_ORIGINS: '*' });
  }, 10 * MINUTE_MS);
  afterAll(async () => {
    await running.close();
    await rm(folder, { recursive: true });
  });

  it.each(['admin', 'user'])(
    'finds no failure and no answer that is not described, as %s',
    async (role) => {
      const token = await running.token({ sub: role, role });
      const { stdout, failed } = await schemathesis(folder, [
        `${running.url}/docs/json`,
        `--header=Authorization: Bearer ${token}`,
        `--checks=${CHECKS.join(',')}`,
        `--max-examples=${CASES}`,
        '--request-timeout=30',
        // A stream of events ends with its upload.
        '--exclude-path-regex=events$',
        '--continue-on-failure',
      ]);
      const [counts = 'no counts'] = /^ *\d+ generated.*$/m.exec(stdout) ?? [];
      process.stdout.write(`Schemathesis as ${role}: ${counts.trim()}\n`);
      expect(failed ? stdout : '').toBe('');
      expect(counts).toContain('passed');
    },
    15 * MINUTE_MS,
  );
});

/** Its exit code says whether it found anything. */
async function schemathesis(
  cwd: string,
  options: readonly string[],
): Promise<{ stdout: string; failed: boolean }> {
  try {
    const { stdout } = await run(SCHEMATHESIS, ['run', ...options], { cwd, maxBuffer: 64 * 1024 * 1024 });
    return { stdout, failed: false };
  } catch (error) {
    // An error of another realm than this module's.
    if (typeof error === 'object' && error !== null && 'stdout' in error)
      return { stdout: String(error.stdout), failed: true };
    throw error;
  }
}
