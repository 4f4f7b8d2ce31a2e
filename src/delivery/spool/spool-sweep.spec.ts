import { randomUUID } from 'node:crypto';
import { readdir, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DATABASE_ID, TestSpool } from '../../../test/support/accepted.js';
import { eventually } from '../../../test/support/eventually.js';
import { ServiceError } from '../../errors/service-error.js';
import { IntentFiles } from './intent-files.service.js';
import type { AbsentSpool } from '../ledger/absent-spools.js';
import type { PromisedFile } from '../ledger/ledger-promises.service.js';
import type { SpoolPromise } from '../ledger/spool-file-rows.js';
import { newAcceptedFile } from './accepted-file.js';
import type { SpoolPromises } from './spool-comparison.js';
import { SpoolSweep } from './spool-sweep.service.js';

const HOUR_MS = 3_600_000;
const BYTES = Buffer.from('abc');

/** Rows of a database in memory, by the names of files. */
class Rows implements SpoolPromises {
  readonly states = new Map<string, SpoolPromise>();
  absent: readonly AbsentSpool[] = [];
  failures = 0;
  failure: Error | undefined;

  async databaseId(): Promise<string> {
    this.fail();
    return DATABASE_ID;
  }

  async promised(names: readonly string[]): Promise<ReadonlyMap<string, SpoolPromise>> {
    this.fail();
    const known = names.map((name) => [name, this.states.get(name)] as const);
    return new Map(known.filter((entry): entry is [string, SpoolPromise] => entry[1] !== undefined));
  }

  async refuse(names: readonly string[]): Promise<readonly string[]> {
    this.fail();
    const refused = names.filter((name) => !this.states.has(name));
    for (const name of refused) this.states.set(name, 'finished');
    return refused;
  }

  async promisedAfter(after: string | undefined, limit: number): Promise<readonly PromisedFile[]> {
    this.fail();
    return [...this.states]
      .flatMap(([name, state]) => (state === 'promised' ? [{ name, uploadId: uploadOf(name) }] : []))
      .toSorted((one, other) => (one.uploadId < other.uploadId ? -1 : 1))
      .filter(({ uploadId }) => after === undefined || uploadId > after)
      .slice(0, limit);
  }

  absentSpools(): Promise<readonly AbsentSpool[]> {
    return Promise.resolve(this.absent);
  }

  private fail(): void {
    if (!this.failure) return;
    this.failures += 1;
    throw this.failure;
  }
}

const uploadOf = (name: string): string => name.slice(0, 36);

const newName = (): string => {
  const of = { uploadId: randomUUID(), databaseId: DATABASE_ID, bytes: BYTES.length };
  return newAcceptedFile({ ...of, acceptedAtMs: Date.now() }).name;
};

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
      { path: spool.path, everyMs: 20, orphanMs: HOUR_MS },
      spool.files,
      new IntentFiles(spool.path),
      rows,
    );
  });

  afterEach(async () => {
    await sweep.onApplicationShutdown();
    await spool.remove();
  });

  async function accept(state?: SpoolPromise): Promise<string> {
    const name = await spool.accept(BYTES);
    if (state) rows.states.set(name, state);
    return name;
  }

  it('keeps what is promised, however old', async () => {
    const name = await accept('promised');
    aheadMs = 1000 * HOUR_MS;
    expect(await sweep.sweep()).toEqual({
      orphans: [],
      finished: [],
      foreign: 0,
      missing: [],
      leftOvers: 0,
      absent: [],
    });
    expect(await spool.files.has(name)).toBe(true);
  });

  it('removes what no row knows, once nobody can be about to promise it', async () => {
    const name = await accept();
    aheadMs = HOUR_MS - 1000;
    expect((await sweep.sweep()).orphans).toEqual([]);
    aheadMs = HOUR_MS + 1000;
    expect((await sweep.sweep()).orphans).toEqual([uploadOf(name)]);
    expect(await spool.files.has(name)).toBe(false);
    expect((await sweep.sweep()).orphans).toEqual([]);
  });

  it('removes at once what was finished and left by a crash', async () => {
    const name = await accept('finished');
    expect((await sweep.sweep()).finished).toEqual([uploadOf(name)]);
    expect(await spool.files.list()).toEqual([]);
  });

  it('reports what is promised and missing, and leaves it to people', async () => {
    const name = await accept('promised');
    await unlink(spool.pathOf(name));
    expect((await sweep.sweep()).missing).toEqual([uploadOf(name)]);
    expect((await sweep.sweep()).missing).toEqual([uploadOf(name)]);
    expect(rows.states.get(name)).toBe('promised');
  });

  it('does not report what is delivered while it looks', async () => {
    const name = await accept('promised');
    const page = rows.promisedAfter.bind(rows);
    rows.promisedAfter = async (after, limit) => {
      const ids = await page(after, limit);
      rows.states.set(name, 'finished');
      await spool.files.remove(name);
      return ids;
    };
    expect((await sweep.sweep()).missing).toEqual([]);
  });

  it('looks through more files and rows than fit into one question', async () => {
    const orphans = [];
    for (let index = 0; index < 5; index += 1) orphans.push(await accept());
    for (let index = 0; index < 600; index += 1) {
      const name = newName();
      await writeFile(spool.pathOf(name), '');
      rows.states.set(name, 'promised');
    }
    const missing = Array.from({ length: 1000 }, () => newName());
    for (const name of missing) rows.states.set(name, 'promised');
    aheadMs = 2 * HOUR_MS;
    const report = await sweep.sweep();
    expect(report.orphans.toSorted()).toEqual(orphans.map(uploadOf).toSorted());
    expect(report.missing.toSorted()).toEqual(missing.map(uploadOf).toSorted());
    expect(await spool.files.list()).toHaveLength(600);
  });

  it('removes nothing while the database cannot be asked', async () => {
    const name = await accept();
    aheadMs = 2 * HOUR_MS;
    rows.failure = new ServiceError('QUEUE_UNAVAILABLE', 'The database is away.');
    await expect(sweep.sweep()).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(await spool.files.has(name)).toBe(true);
    expect(sweep.report).toBeUndefined();
  });

  it('removes nothing of another database, which knows nothing of it, and says so', async () => {
    const { name } = await spool.keep(BYTES, randomUUID(), randomUUID());
    await accept('promised');
    aheadMs = 2 * HOUR_MS;
    expect(await sweep.sweep()).toMatchObject({ orphans: [], finished: [], foreign: 1 });
    expect(await spool.files.has(name)).toBe(true);
  });

  it('keeps what is promised in the moment in which it would be removed', async () => {
    const name = await accept();
    aheadMs = 2 * HOUR_MS;
    const refuse = rows.refuse.bind(rows);
    rows.refuse = (names) => {
      // As if the process that has kept it had stood still until now.
      rows.states.set(name, 'promised');
      return refuse(names);
    };
    expect((await sweep.sweep()).orphans).toEqual([]);
    expect(await spool.files.has(name)).toBe(true);
  });

  it('lets nobody promise what it has begun to remove', async () => {
    const name = await accept();
    aheadMs = 2 * HOUR_MS;
    await sweep.sweep();
    expect(rows.states.get(name)).toBe('finished');
  });

  it('removes the bodies that killed processes have left', async () => {
    const left = join(spool.path, `${randomUUID()}.spool`);
    await writeFile(left, 'x');
    await utimes(left, new Date(0), new Date(0));
    expect((await sweep.sweep()).leftOvers).toBe(1);
    expect(await readdir(spool.path)).toEqual(['accepted']);
  });

  it('can be done by several processes at once', async () => {
    const names = await Promise.all(Array.from({ length: 20 }, () => accept()));
    aheadMs = 2 * HOUR_MS;
    const options = { path: spool.path, everyMs: 1000, orphanMs: HOUR_MS };
    const other = new SpoolSweep(options, spool.filesOf(clock), new IntentFiles(spool.path), rows);
    const reports = await Promise.all([sweep.sweep(), other.sweep()]);
    expect(new Set(reports.flatMap(({ orphans }) => orphans))).toEqual(new Set(names.map(uploadOf)));
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
    const name = await accept();
    aheadMs = 2 * HOUR_MS;
    rows.failure = new Error('the database is away');
    sweep.onApplicationBootstrap();
    await eventually(async () => expect(rows.failures).toBeGreaterThan(1));
    rows.failure = undefined;
    await eventually(async () => expect(await spool.files.has(name)).toBe(false));
    await sweep.onApplicationShutdown();
    const { report } = sweep;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(sweep.report).toBe(report);
  });
});
