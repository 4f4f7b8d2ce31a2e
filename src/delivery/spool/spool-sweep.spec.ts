import { randomUUID } from 'node:crypto';
import { readdir, readFile, rename, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TestSpool } from '../../../test/support/accepted.js';
import { eventually } from '../../../test/support/eventually.js';
import { ServiceError } from '../../errors/service-error.js';
import { IntentFiles } from './intent-files.service.js';
import type { PromiseOrigin, SpoolPromise, SpoolPromises } from './spool-comparison.js';
import { SpoolOwner } from './spool-owner.service.js';
import { SpoolSweep } from './spool-sweep.service.js';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const BYTES = Buffer.from('abc');

/** Rows of a database in memory. */
class Rows implements SpoolPromises {
  readonly states = new Map<string, SpoolPromise>();
  readonly asked: string[] = [];
  refused = 0;
  failure: Error | undefined;

  origin(): Promise<PromiseOrigin> {
    if (this.failure) {
      this.refused += 1;
      return Promise.reject(this.failure);
    }
    return Promise.resolve({ databaseId: 'one', hasPromised: true });
  }

  async promised(uploadIds: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>> {
    if (this.failure) throw this.failure;
    this.asked.push(...uploadIds);
    const known = uploadIds.map((id) => [id, this.states.get(id)] as const);
    return new Map(known.filter((entry): entry is [string, SpoolPromise] => entry[1] !== undefined));
  }

  async promisedAfter(after: string | undefined, limit: number): Promise<readonly string[]> {
    if (this.failure) throw this.failure;
    const ids = [...this.states].flatMap(([id, state]) => (state === 'promised' ? [id] : []));
    return ids
      .toSorted()
      .filter((id) => after === undefined || id > after)
      .slice(0, limit);
  }
}

describe('the sweep of the spool', () => {
  let aheadMs: number;
  const clock = { monotonicMs: () => 0, wallMs: () => Date.now() + aheadMs };
  let spool: TestSpool;
  let rows: Rows;
  let sweep: SpoolSweep;

  beforeEach(async () => {
    Logger.overrideLogger(false);
    aheadMs = 0;
    spool = await TestSpool.make(clock);
    await spool.files.prepare();
    rows = new Rows();
    sweep = new SpoolSweep(
      { path: spool.path, everyMs: 20, orphanMs: HOUR_MS, finishedMs: MINUTE_MS },
      { files: spool.files, owner: new SpoolOwner(spool.path, spool.files, rows) },
      new IntentFiles(spool.path),
      rows,
    );
  });

  afterEach(async () => {
    await sweep.onApplicationShutdown();
    await spool.remove();
  });

  async function accept(state?: SpoolPromise): Promise<string> {
    const uploadId = await spool.accept(BYTES);
    if (state) rows.states.set(uploadId, state);
    return uploadId;
  }

  it('keeps what is promised, however old', async () => {
    const uploadId = await accept('promised');
    aheadMs = 1000 * HOUR_MS;
    expect(await sweep.sweep()).toEqual({ orphans: [], finished: [], missing: [], leftOvers: 0 });
    expect(await spool.files.has(uploadId)).toBe(true);
  });

  it('removes what no row knows, once nobody can be about to promise it', async () => {
    const uploadId = await accept();
    aheadMs = HOUR_MS - 1000;
    expect((await sweep.sweep()).orphans).toEqual([]);
    aheadMs = HOUR_MS + 1000;
    expect((await sweep.sweep()).orphans).toEqual([uploadId]);
    expect(await spool.files.has(uploadId)).toBe(false);
    expect((await sweep.sweep()).orphans).toEqual([]);
  });

  it('removes what was finished and left by a crash, once nobody can be about to promise it anew', async () => {
    const uploadId = await accept('finished');
    aheadMs = MINUTE_MS - 1000;
    expect((await sweep.sweep()).finished).toEqual([]);
    expect(rows.asked).toEqual([]);
    aheadMs = MINUTE_MS + 1000;
    expect((await sweep.sweep()).finished).toEqual([uploadId]);
    expect(await spool.files.list()).toEqual([]);
  });

  it('reports what is promised and missing, and leaves it to people', async () => {
    const uploadId = await accept('promised');
    await unlink(spool.pathOf(uploadId));
    expect((await sweep.sweep()).missing).toEqual([uploadId]);
    expect((await sweep.sweep()).missing).toEqual([uploadId]);
    expect(rows.states.get(uploadId)).toBe('promised');
  });

  it('does not report what is delivered while it looks', async () => {
    const uploadId = await accept('promised');
    const page = rows.promisedAfter.bind(rows);
    rows.promisedAfter = async (after, limit) => {
      const ids = await page(after, limit);
      rows.states.set(uploadId, 'finished');
      await spool.files.remove(uploadId);
      return ids;
    };
    expect((await sweep.sweep()).missing).toEqual([]);
  });

  it('looks through more files and rows than fit into one question', async () => {
    const orphans = [];
    for (let index = 0; index < 5; index += 1) orphans.push(await accept());
    for (let index = 0; index < 600; index += 1) {
      const uploadId = randomUUID();
      await writeFile(spool.pathOf(uploadId), '');
      rows.states.set(uploadId, 'promised');
    }
    const missing = Array.from({ length: 1000 }, () => randomUUID());
    for (const uploadId of missing) rows.states.set(uploadId, 'promised');
    aheadMs = 2 * HOUR_MS;
    const report = await sweep.sweep();
    expect(report.orphans.toSorted()).toEqual(orphans.toSorted());
    expect(report.missing.toSorted()).toEqual(missing.toSorted());
    expect(await spool.files.list()).toHaveLength(600);
  });

  it('removes nothing while the database cannot be asked', async () => {
    const uploadId = await accept();
    aheadMs = 2 * HOUR_MS;
    rows.failure = new ServiceError('QUEUE_UNAVAILABLE', 'The database is away.');
    await expect(sweep.sweep()).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(await spool.files.has(uploadId)).toBe(true);
    expect(sweep.report).toBeUndefined();
  });

  it('removes nothing of another database, which knows nothing of it', async () => {
    const uploadId = await accept();
    await writeFile(join(spool.path, 'database-id'), 'another\n');
    aheadMs = 2 * HOUR_MS;
    expect(await sweep.sweep()).toMatchObject({ orphans: [], finished: [] });
    expect(await spool.files.has(uploadId)).toBe(true);
  });

  it('keeps a file whose name is new by the time it has its answer', async () => {
    const uploadId = await accept();
    aheadMs = 2 * HOUR_MS;
    const answer = rows.promised.bind(rows);
    rows.promised = async (ids) => {
      const known = await answer(ids);
      // As if the old file had gone and another upload of the id had come: it is young again.
      aheadMs = 0;
      return known;
    };
    expect((await sweep.sweep()).orphans).toEqual([]);
    expect(await spool.files.has(uploadId)).toBe(true);
  });

  it('keeps what another process has promised since it was decided to remove what had its name', async () => {
    const uploadId = await accept('finished');
    aheadMs = 2 * MINUTE_MS;
    const remove = spool.files.remove.bind(spool.files);
    spool.files.remove = async (id) => {
      // As if this process had stood still until now.
      await spool.filesOf().remove(id);
      await spool.accept(Buffer.from('new'), id);
      spool.needed.add(id);
      return remove(id);
    };
    expect((await sweep.sweep()).finished).toEqual([]);
    expect(await readFile(spool.pathOf(uploadId), 'utf8')).toBe('new');
  });

  it('ends the removals that killed processes have begun', async () => {
    const uploadId = await accept('promised');
    spool.needed.add(uploadId);
    await rename(spool.pathOf(uploadId), `${spool.pathOf(uploadId)}.${randomUUID()}`);
    expect((await sweep.sweep()).missing).toEqual([]);
    expect(await spool.files.has(uploadId)).toBe(true);
  });

  it('removes the bodies that killed processes have left', async () => {
    const left = join(spool.path, `${randomUUID()}.spool`);
    await writeFile(left, 'x');
    await utimes(left, new Date(0), new Date(0));
    expect((await sweep.sweep()).leftOvers).toBe(1);
    expect(await readdir(spool.path)).toEqual(['accepted']);
  });

  it('can be done by several processes at once', async () => {
    const uploadIds = await Promise.all(Array.from({ length: 20 }, () => accept()));
    aheadMs = 2 * HOUR_MS;
    const options = { path: spool.path, everyMs: 1000, orphanMs: HOUR_MS, finishedMs: MINUTE_MS };
    const other = new SpoolSweep(
      options,
      {
        files: spool.filesOf(clock),
        owner: new SpoolOwner(spool.path, spool.files, rows),
      },
      new IntentFiles(spool.path),
      rows,
    );
    const reports = await Promise.all([sweep.sweep(), other.sweep()]);
    expect(new Set(reports.flatMap(({ orphans }) => orphans))).toEqual(new Set(uploadIds));
    expect(await spool.files.list()).toEqual([]);
  });

  it('ends at a shutdown with the file that it is at', async () => {
    for (let index = 0; index < 5; index += 1) await accept();
    aheadMs = 2 * HOUR_MS;
    const remove = spool.files.remove.bind(spool.files);
    let ended: Promise<void> | undefined;
    spool.files.remove = (id) => {
      ended ??= sweep.onApplicationShutdown();
      return remove(id);
    };
    sweep.onApplicationBootstrap();
    await eventually(() => Promise.resolve(expect(ended).toBeDefined()));
    await ended;
    expect(await spool.files.list()).toHaveLength(4);
    expect(sweep.report).toBeUndefined();
  });

  it('runs at the start, goes on after a failure, and ends at the shutdown', async () => {
    const uploadId = await accept();
    aheadMs = 2 * HOUR_MS;
    rows.failure = new Error('the database is away');
    sweep.onApplicationBootstrap();
    await eventually(async () => expect(rows.refused).toBeGreaterThan(1));
    rows.failure = undefined;
    await eventually(async () => expect(await spool.files.has(uploadId)).toBe(false));
    await sweep.onApplicationShutdown();
    const { report } = sweep;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(sweep.report).toBe(report);
  });
});
