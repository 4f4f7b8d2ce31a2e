import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { createTestKeys } from '../support/tokens.js';

/** So many that a removal takes a while. */
const PARTS = 3_000;

describe('a service that removes expired files', () => {
  let dataDir: string;
  let files: string;
  const services: ServiceProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-expired-'));
    files = join(dataDir, 'storage', 'edit', 'files');
  });

  afterEach(async () => {
    for (const service of services.splice(0).toReversed()) await service.dispose();
  });

  async function start(): Promise<ServiceProcess> {
    const keys = await createTestKeys();
    const service = await startServiceProcess({
      NODE_ENV: 'test',
      DATA_DIR: dataDir,
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
    services.push(service);
    return service;
  }

  /** A file as the local element keeps it, that was uploaded so many days ago for one day. */
  async function writeFileOf(days: number): Promise<string> {
    const id = randomUUID();
    const folder = join(files, id.slice(-2), id);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'content'), 'hello');
    const record = {
      file_id: id,
      original_filename: 'a.txt',
      content_type: 'text/plain',
      size: 5,
      checksum: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
      description: null,
      tags: [],
      metadata: {},
      retention_policy: 'temporary',
      ttl_days: 1,
      uploaded_by: 'alice',
      uploaded_by_username: null,
      uploaded_at: new Date(Date.now() - days * 86_400_000).toISOString(),
    };
    await writeFile(join(folder, 'metadata.json'), JSON.stringify(record));
    return folder;
  }

  /** The folders of files that have their name. */
  async function named(): Promise<string[]> {
    const shards = await readdir(files);
    const names = await Promise.all(
      shards.map(async (shard) => (await readdir(join(files, shard))).map((id) => join(files, shard, id))),
    );
    return names.flat();
  }

  it('leaves no half of a file when it is killed at that, and goes on with the next start', async () => {
    const kept = await writeFileOf(0);
    for (let file = 0; file < 100; file += 1) await writeFileOf(2);
    const large = await writeFileOf(2);
    for (let part = 0; part < PARTS; part += 1) await writeFile(join(large, `part-${part}`), '');
    const first = await start();
    await eventually(() => Promise.resolve(expect(existsSync(join(large, 'content'))).toBe(false)));
    first.child.kill('SIGKILL');
    await first.exitCode();
    const left = await named();
    expect(left).not.toContain(large);
    const halves = left.filter(
      (folder) => !existsSync(join(folder, 'content')) || !existsSync(join(folder, 'metadata.json')),
    );
    expect(halves).toEqual([]);
    await start();
    await eventually(async () => expect(await named()).toEqual([kept]));
  });
});
