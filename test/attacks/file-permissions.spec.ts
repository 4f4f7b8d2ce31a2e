import { chmodSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const ID = '0f8fad5b-d9cb-469f-a165-70867728950e';

/** An element that nobody reaches, so that what is accepted stays in the spool and in the embedded database. */
const UNREACHABLE = [{ id: 'se-1', driver: 'http', url: 'http://127.0.0.1:1', mode: 'edit', priority: 1 }];

describe('another user of the machine', () => {
  let dataDir: string;
  let service: ServiceProcess | undefined;

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-permissions-'));
    chmodSync(dataDir, 0o755);
  });

  afterEach(() => service?.dispose());

  async function start(variables: Record<string, string> = {}): Promise<string> {
    service = await startServiceProcess({
      NODE_ENV: 'development',
      SKIP_AUTH: 'true',
      DATA_DIR: dataDir,
      ...variables,
    });
    return `http://127.0.0.1:${await service.port()}`;
  }

  async function startUnreachable(): Promise<string> {
    return start({ STORAGE_ELEMENTS: JSON.stringify(UNREACHABLE) });
  }

  function put(url: string, id: string, prefer: string): Promise<Response> {
    return fetch(`${url}/api/v1/files/${id}`, {
      method: 'PUT',
      headers: {
        'Content-Type': 'text/plain',
        'Content-Disposition': 'attachment; filename=secret.txt',
        Prefer: prefer,
      },
      body: 'hello',
    });
  }

  it('cannot read what was accepted, its name in the database, or the keys', async () => {
    const url = await startUnreachable();
    const answer = await put(url, ID, 'respond-async');
    expect(answer.status).toBe(202);
    await forceOpen(url);
    expect(openEntries(dataDir)).toEqual([]);
    expect(readdirSync(dataDir)).toEqual(
      expect.arrayContaining(['database.sqlite', 'database.sqlite-wal', 'keys', 'spool']),
    );
  });

  it('cannot read what is stored in a folder of the service', async () => {
    const url = await start();
    expect((await put(url, ID, 'wait=10')).status).toBe(201);
    expect(openEntries(dataDir)).toEqual([]);
    expect(readdirSync(dataDir)).toContain('storage');
  });

  it('cannot read what an earlier version has left open', async () => {
    // As a process leaves them that is killed before it has written anything.
    for (const name of ['database.sqlite', 'database.sqlite-wal']) writeFileSync(join(dataDir, name), '');
    mkdirSync(join(dataDir, 'spool/accepted'), { recursive: true });
    mkdirSync(join(dataDir, 'storage/edit'), { recursive: true });
    writeFileSync(join(dataDir, 'storage/edit/content'), '');
    for (const path of [dataDir, ...entriesOf(dataDir)]) chmodSync(path, isFolder(path) ? 0o755 : 0o666);
    const url = await startUnreachable();
    expect((await put(url, ID, 'respond-async')).status).toBe(202);
    expect(openEntries(dataDir)).toEqual([]);
  });

  async function forceOpen(url: string): Promise<void> {
    const path = '/api/v1/resilience/circuit-breakers/storage:se-1/force-open';
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ reason: 'disk is replaced' }),
    });
    expect(answer.status).toBe(200);
  }
});

/** Every folder that is not 0700 and every file that is not 0600. */
function openEntries(folder: string): string[] {
  return [folder, ...entriesOf(folder)].flatMap((path) => {
    const mode = lstatSync(path).mode & 0o777;
    return mode === (isFolder(path) ? 0o700 : 0o600) ? [] : [`${path} ${mode.toString(8)}`];
  });
}

function entriesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
}

function isFolder(path: string): boolean {
  return lstatSync(path).isDirectory();
}
