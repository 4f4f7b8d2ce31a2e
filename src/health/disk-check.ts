import { statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ReadinessCheck } from './readiness-check.js';

/** Is down while the file system that holds `folder` has less than `minFreeBytes` left for us. */
export function diskCheck(folder: string, minFreeBytes: number): ReadinessCheck {
  return {
    name: 'disk',
    critical: true,
    run: async () => {
      const free = await freeBytes(resolve(folder));
      return free >= minFreeBytes ? { up: true } : { up: false, reason: 'too little free space' };
    },
  };
}

/** A folder that is not there yet will be made on the disk of its nearest parent. */
async function freeBytes(folder: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(folder);
    if (!isMissing(error) || parent === folder) throw error;
    return freeBytes(parent);
  }
}

function isMissing(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT';
}
