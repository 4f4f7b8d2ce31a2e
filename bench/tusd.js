import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

const TUSD = 'github.com/tus/tusd/v2/cmd/tusd@v2.9.1';

/** Where it is: that of `TUSD`, or one that is built once with Go into a folder of the user's cache. */
function tusdPath() {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return process.env.TUSD || join(cache, 'ingester', 'tusd-2.9.1', 'tusd');
}

/** The path of tusd, the reference server of tus; undefined where it is not here and cannot be built, which is said. */
export function findTusd() {
  const path = tusdPath();
  if (existsSync(path)) return path;
  const hasGo = spawnSync('go', ['version']).status === 0;
  const env = { ...process.env, GOBIN: dirname(path) };
  if (hasGo && spawnSync('go', ['install', TUSD], { stdio: 'inherit', env }).status === 0) return path;
  console.log(
    `\ntusd is not here: ${hasGo ? `${TUSD} could not be built` : 'there is no Go to build it with'}`,
  );
  return undefined;
}
