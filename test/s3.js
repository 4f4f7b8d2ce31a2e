/*
 * `npm run test:s3`: runs what is tested against a real store. That is the one that `S3_TEST_ENDPOINT` names, or else a
 * versitygw, which is built once with Go into a folder of the user's cache (2 minutes). Says in one line why it is skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gatewayPath, VERSITY_GATEWAY } from './support/versity-gateway.ts';

const root = join(import.meta.dirname, '..');

/** Gives whether it ended well. */
function run(command, args, env = {}) {
  return (
    spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } }).status === 0
  );
}

/** Why there is no store; undefined where there is one. */
function lack() {
  if (process.env.S3_TEST_ENDPOINT || existsSync(gatewayPath())) return undefined;
  if (spawnSync('go', ['version']).status !== 0)
    return 'S3_TEST_ENDPOINT names no store, and there is no Go to build one with';
  const built = run('go', ['install', VERSITY_GATEWAY], { GOBIN: dirname(gatewayPath()) });
  return built ? undefined : `${VERSITY_GATEWAY} could not be built`;
}

const reason = lack();
if (reason === undefined) {
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = [...node, 'node_modules/jest/bin/jest.js', 's3-real-store', 's3-sdk'];
  process.exitCode = run(process.execPath, [...jest, ...process.argv.slice(2)], { S3_TEST_GATEWAY: '1' })
    ? 0
    : 1;
} else {
  process.stdout.write(`Tests against a real S3 store are skipped: ${reason}.\n`);
}
