import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describeUnless } from '../support/describe-unless.js';

const root = join(import.meta.dirname, '../..');

/** Where a package of Prometheus may be unpacked by hand: `dpkg-deb -x prometheus_*.deb node_modules/.cache/prometheus`. */
const CACHED = join(root, 'node_modules/.cache/prometheus/usr/bin/promtool');

const program = (process.env.PROMTOOL_PATH ? [process.env.PROMTOOL_PATH] : ['promtool', CACHED]).find(
  (candidate) => spawnSync(candidate, ['--version']).status === 0,
);

/** `describe`, or one that skips where there is no promtool. */
export const describeWithPromtool = describeUnless(
  program === undefined
    ? 'no promtool is in PATH, in node_modules/.cache/prometheus or where PROMTOOL_PATH says'
    : undefined,
);

/** Runs promtool in deploy/prometheus; gives its exit code and all that it has written. */
export function promtool(args: readonly string[], input = ''): { status: number | null; output: string } {
  const cwd = join(root, 'deploy/prometheus');
  const { status, stdout, stderr } = spawnSync(program ?? 'promtool', args, {
    cwd,
    input,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}
