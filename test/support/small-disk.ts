import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';

/** A file system of its own that is soon full. */
export interface SmallDisk {
  readonly path: string;
  /** `describe`, or one that skips where this process may not mount. */
  readonly describe: typeof describe | typeof describe.skip;
  /** For the title: why it is skipped, empty where it is not. */
  readonly whyNot: string;
  /** Changes its options, as `ro` or `rw`, which it takes while no file is open for writing. */
  remount(options: string): void;
  unmount(): void;
}

/** Mounts a tmpfs on a new folder; `options` are its own, as `size=1m`. */
export function smallDisk(options: string): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'small-disk-'));
  const mounted = mount(path, options);
  return {
    path,
    describe: mounted ? describe : describe.skip,
    whyNot: mounted ? '' : ' (skipped: this process may not mount a tmpfs)',
    remount: (changed) => {
      execFileSync('/bin/mount', ['-o', `remount,${changed}`, path], { stdio: 'pipe' });
    },
    unmount: () => {
      if (mounted) execFileSync('/bin/umount', [path]);
      rmSync(path, { recursive: true });
    },
  };
}

function mount(path: string, options: string): boolean {
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
