import { existsSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { afterAll, afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { bodyOfBytes, describedFile } from '../../test/support/file-bodies.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import { smallDisk } from '../../test/support/small-disk.js';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import type { Environment } from '../config/environment.js';
import { Metrics } from '../observability/metrics.service.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { TokenEndpoint } from '../service-tokens/token-endpoint.service.js';
import { LocalStorageElement } from './drivers/local/local-storage-element.js';
import { ExpirySweep } from './expiry-sweep.service.js';
import { storageDrivers } from './storage-drivers.js';
import { StorageElements } from './storage-elements.service.js';

const DAY_MS = 86_400_000;
const never = new AbortController().signal;
const disk = smallDisk('size=4m');

afterAll(() => disk.unmount());

describe('ExpirySweep', () => {
  let root: string;
  let metrics: Metrics;
  let clock: ManualClock;
  const ends: (() => Promise<unknown>)[] = [];
  const info = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => undefined);
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'expiry-sweep-'));
    metrics = new Metrics();
    clock = new ManualClock();
    info.mockClear();
    warn.mockClear();
  });

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
    await rm(root, { recursive: true, force: true });
  });

  const pathOf = (id: string): string => join(root, id);

  /** A sweep over local elements of these ids and modes, whose folders are ready. */
  async function sweepOver(
    modes: Record<string, string>,
    variables: Record<string, string> = {},
    path = pathOf,
  ): Promise<ExpirySweep> {
    const settings = Object.entries(modes).map(([id, mode]) => ({
      id,
      driver: 'local',
      path: path(id),
      mode,
    }));
    const environment = parseEnvironment({ STORAGE_ELEMENTS: JSON.stringify(settings), ...variables });
    const config = new ConfigService<Environment, true>(environment);
    const policies = new OutboundPolicies(new CircuitBreakers(clock), clock, metrics);
    const tokens = new ServiceTokens(new TokenEndpoint(config, policies, clock), config, clock);
    const elements = new StorageElements(storageDrivers, config, tokens, policies);
    await elements.onModuleInit();
    const sweep = new ExpirySweep(config, elements, metrics, clock);
    ends.push(
      () => elements.onApplicationShutdown(),
      () => sweep.beforeApplicationShutdown(),
    );
    return sweep;
  }

  /** Stores a file of one day that is two days old, in the folder of an element; gives the path of its record. */
  async function expired(path: string, content = 'hello'): Promise<string> {
    const file = describedFile({ ttlDays: 1, uploadedAt: new Date(clock.wallMs() - 2 * DAY_MS) });
    const element = new LocalStorageElement('any', path);
    await element.put(file, bodyOfBytes(content), never);
    await element.close();
    return join(path, 'files', file.fileId.slice(-2), `${file.fileId}.json`);
  }

  /** What is counted of an element: files, bytes and failures. */
  async function counted(target: string): Promise<(number | undefined)[]> {
    const lines = (await metrics.text()).split('\n');
    return ['expired_files', 'expired_bytes', 'expiry_failures'].map((name) => {
      const start = `storage_${name}_total{target="${target}"} `;
      const line = lines.find((each) => each.startsWith(start));
      return line === undefined ? undefined : Number(line.slice(start.length));
    });
  }

  it('removes expired files at the start and then regularly, and counts them', async () => {
    const sweep = await sweepOver({ one: 'edit' }, { STORAGE_EXPIRY_SWEEP_INTERVAL_MS: '1000' });
    expect(await counted('storage:one')).toEqual([0, 0, 0]);
    const first = [await expired(pathOf('one')), await expired(pathOf('one'), 'longer')];
    sweep.onApplicationBootstrap();
    await eventually(async () => expect(await counted('storage:one')).toEqual([2, 11, 0]));
    expect(first.filter(existsSync)).toEqual([]);
    const line = [{ target: 'storage:one', files: 2, bytes: 11 }, 'removed expired files'];
    await eventually(() => Promise.resolve(expect(info.mock.calls).toEqual([line])));
    const later = await expired(pathOf('one'));
    await eventually(async () => expect(await counted('storage:one')).toEqual([3, 16, 0]));
    expect(existsSync(later)).toBe(false);
    expect(warn.mock.calls).toEqual([]);
  });

  it('leaves elements alone that take no files', async () => {
    const sweep = await sweepOver({ temporary: 'edit', permanent: 'rw', read: 'ro', archive: 'ar' });
    const records = [];
    for (const id of ['temporary', 'permanent', 'read', 'archive']) records.push(await expired(pathOf(id)));
    await sweep.sweep();
    expect(records.map(existsSync)).toEqual([false, false, true, true]);
    expect(await counted('storage:read')).toEqual([undefined, undefined, undefined]);
  });

  it('removes nothing where it is switched off', async () => {
    const sweep = await sweepOver({ one: 'edit' }, { STORAGE_REMOVE_EXPIRED: 'off' });
    const record = await expired(pathOf('one'));
    sweep.onApplicationBootstrap();
    await sweep.sweep();
    expect(existsSync(record)).toBe(true);
  });

  it('says in one line how many records cannot be read, and names ten of them', async () => {
    const sweep = await sweepOver({ one: 'edit' });
    for (let file = 0; file < 12; file += 1) await writeFile(await expired(pathOf('one')), '{');
    await sweep.sweep();
    expect(warn.mock.calls).toEqual([
      [
        {
          target: 'storage:one',
          count: 12,
          names: Array.from({ length: 10 }, () => expect.any(String)),
          err: expect.anything(),
        },
        'files whose record cannot be read are kept',
      ],
    ]);
    expect(await counted('storage:one')).toEqual([0, 0, 0]);
  });

  it('goes on with other elements where the folder of one is missing, and warns', async () => {
    const sweep = await sweepOver({ lost: 'edit', there: 'edit' });
    const record = await expired(pathOf('there'));
    rmSync(pathOf('lost'), { recursive: true });
    await sweep.sweep();
    expect(existsSync(record)).toBe(false);
    expect(await counted('storage:lost')).toEqual([0, 0, 1]);
    expect(await counted('storage:there')).toEqual([1, 5, 0]);
    expect(warn.mock.calls).toEqual([
      [
        { err: expect.objectContaining({ code: 'ENOENT' }), target: 'storage:lost' },
        'a storage element was not looked through for expired files',
      ],
    ]);
  });

  it('ends at a shutdown behind the file that it is at', async () => {
    const sweep = await sweepOver({ one: 'edit' });
    const records = await Promise.all(Array.from({ length: 300 }, () => expired(pathOf('one'))));
    sweep.onApplicationBootstrap();
    await sweep.beforeApplicationShutdown();
    const left = records.filter(existsSync).length;
    expect(left).toBeGreaterThan(290);
    expect(await counted('storage:one')).toEqual([300 - left, (300 - left) * 5, 0]);
  });

  disk.describe(`on a disk that is read-only${disk.whyNot}`, () => {
    it('warns in one line, counts what it could not remove, and removes it later', async () => {
      const sweep = await sweepOver({ one: 'edit' }, {}, () => join(disk.path, 'one'));
      const records = [await expired(join(disk.path, 'one')), await expired(join(disk.path, 'one'))];
      disk.remount('ro');
      try {
        await sweep.sweep();
      } finally {
        disk.remount('rw');
      }
      expect(records.map(existsSync)).toEqual([true, true]);
      expect(await counted('storage:one')).toEqual([0, 0, 2]);
      expect(warn.mock.calls).toEqual([
        [
          expect.objectContaining({ count: 2, err: expect.objectContaining({ code: 'EROFS' }) }),
          'expired files could not be removed',
        ],
      ]);
      await sweep.sweep();
      expect(records.map(existsSync)).toEqual([false, false]);
      expect(await counted('storage:one')).toEqual([2, 10, 2]);
    });
  });
});
