import { constants } from 'node:fs';
import { access, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errorCode } from '../errors/error-code.js';
import type { ReadinessCheck } from './readiness-check.js';

/** Is down while the file system that holds `folder` has less than `minFreeBytes` left for us, or is read-only. */
export function diskCheck(folder: string, minFreeBytes: number): ReadinessCheck {
  return {
    name: 'disk',
    critical: true,
    run: async () => {
      const existing = await nearestExisting(resolve(folder));
      if (await isReadOnly(existing)) return { up: false, reason: 'the disk is read-only' };
      const { bavail, bsize } = await statfs(existing);
      return bavail * bsize >= minFreeBytes ? { up: true } : { up: false, reason: 'too little free space' };
    },
  };
}

/** A folder that is not there yet will be made on the disk of its nearest parent. */
async function nearestExisting(folder: string): Promise<string> {
  const parent = dirname(folder);
  const code = await errorCodeOf(access(folder));
  return code === 'ENOENT' && parent !== folder ? nearestExisting(parent) : folder;
}

async function isReadOnly(folder: string): Promise<boolean> {
  return (await errorCodeOf(access(folder, constants.W_OK))) === 'EROFS';
}

/** The code of the error that `work` fails with; undefined when it does not. */
function errorCodeOf(work: Promise<void>): Promise<string | undefined> {
  return work.then(() => undefined, errorCode);
}
