import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { createTestKeys } from '../support/tokens.js';

/** So many that their removal takes a while. */
const EXPIRED = 1_000;

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

  /** A file as the local element keeps it, that was uploaded so many days ago for one day; gives its id. */
  async function writeFileOf(days: number): Promise<string> {
    const id = randomUUID();
    const folder = join(files, id.slice(-2));
    const content = `${id}.0123456789abcdef.content`;
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, content), 'hello');
    const record = {
      file_id: id,
      content,
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
    await writeFile(join(folder, `${id}.json`), JSON.stringify(record));
    return id;
  }

  /** The ids of which there is such a part. */
  async function idsOf(end: '.json' | '.content', folder = files): Promise<string[]> {
    const names = await readdir(folder, { recursive: true });
    return names.filter((name) => name.endsWith(end)).map((name) => basename(name).split('.')[0] ?? '');
  }

  it('leaves no half of a file when it is killed at that, and goes on with the next start', async () => {
    const kept = await writeFileOf(0);
    for (let file = 0; file < EXPIRED; file += 1) await writeFileOf(2);
    const first = await start();
    await eventually(async () => expect((await idsOf('.json')).length).toBeLessThan(EXPIRED));
    first.child.kill('SIGKILL');
    await first.exitCode();
    const contents = new Set(await idsOf('.content'));
    const records = new Set(await idsOf('.json'));
    expect([...records].filter((id) => !contents.has(id))).toEqual([]);
    // What has lost its record is named where left-overs are looked for.
    const named = new Set(await idsOf('.json', join(files, '..', 'incoming')));
    expect([...contents].filter((id) => !records.has(id) && !named.has(id))).toEqual([]);
    await start();
    await eventually(async () => expect(await idsOf('.json')).toEqual([kept]));
  });
});
