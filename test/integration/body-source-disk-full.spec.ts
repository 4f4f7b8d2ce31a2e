import { afterAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpoolFolder } from '../../src/resilience/spool-folder.service.js';
import { bodyOn, collect, cut, writeAll } from '../support/spooled-bodies.js';

const KIB = 1024;
const never = new AbortController().signal;
const path = mkdtempSync(join(tmpdir(), 'full-disk-'));

/** A file system of 1 MiB at `path`; why not, where this process may not mount. */
function mountSmallDisk(): string | undefined {
  try {
    execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'pipe' });
    return undefined;
  } catch {
    return 'this process may not mount a tmpfs';
  }
}

const whyNot = mountSmallDisk();
const describeOnDisk = whyNot === undefined ? describe : describe.skip;

describeOnDisk(`a body on a disk of 1 MiB${whyNot === undefined ? '' : ` (skipped: ${whyNot})`}`, () => {
  const folder = new SpoolFolder({ path, limitBytes: 0 });
  const disk = { create: () => folder.create() };

  afterAll(() => {
    if (whyNot === undefined) execFileSync('/bin/umount', [path]);
    rmSync(path, { recursive: true });
  });

  it('goes on for the reader that keeps up, and leaves the disk empty', async () => {
    const { body, failures } = bodyOn(disk, 300 * KIB);
    const { all, chunks } = cut(Array.from({ length: 64 }, () => 64 * KIB));
    const bytes = collect(body.open(0, never));
    await writeAll(body, chunks);
    body.end();
    expect((await bytes).equals(all)).toBe(true);
    expect(failures).toMatchObject([{ code: 'ENOSPC' }]);
    expect(body.replayable).toBe(false);
    await body.dispose();
    expect(readdirSync(path)).toEqual([]);
  });

  it('takes the next body as soon as there is room again', async () => {
    const { body, failures } = bodyOn(disk, 100 * KIB);
    const { all, chunks } = cut(Array.from({ length: 14 }, () => 64 * KIB));
    await writeAll(body, chunks);
    body.end();
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    expect((await collect(body.open(0, never))).equals(all)).toBe(true);
    expect(failures).toEqual([]);
    await body.dispose();
  });
});
