import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  coverageOfProcesses,
  type ServiceProcess,
  startServiceProcess,
  V8_FLAGS,
} from '../support/service-process.js';
import { smallDisk } from '../support/small-disk.js';
import { onlyStoredContent } from '../support/stored-files.js';

const run = promisify(execFile);
const DIST = join(import.meta.dirname, '../../dist');
const readOnly = smallDisk('size=1m,ro');

afterAll(() => readOnly.unmount());

describe('start', () => {
  const services: ServiceProcess[] = [];
  /** In development, for tests that change nothing of it. */
  let usual: ServiceProcess;

  beforeAll(async () => {
    usual = await startServiceProcess({ NODE_ENV: 'development', MAX_FILE_BYTE: '1' });
    await usual.port();
  });
  afterAll(() => usual.dispose());

  async function start(variables: Record<string, string>): Promise<ServiceProcess> {
    const service = await startServiceProcess(variables);
    services.push(service);
    return service;
  }

  afterEach(async () => {
    // The second of a folder may write there until it is gone.
    for (const service of services.splice(0).toReversed()) await service.dispose();
  });

  it('in development prints an upload that works as it is pasted', async () => {
    expect(usual.output()).toMatch(/"level":"warn".*MAX_FILE_BYTE is not .*did you mean MAX_FILE_BYTES\?/);
    const command = await printed(usual, /^curl [^\n]*\\\n[^\n]*$/m);
    const { stdout } = await run(
      'bash',
      ['-c', command.replace('@README.md', '@keys/development-public.pem')],
      {
        cwd: usual.dataDir,
      },
    );
    expect(JSON.parse(stdout)).toMatchObject({ status: 'active', uploaded_by: 'developer' });
    expect((await onlyStoredContent(usual.dataDir)).toString()).toContain('PUBLIC KEY');
    const page = await printed(usual, /^Upload page: .*$/m);
    expect(await (await fetch(page.replace('Upload page: ', ''))).text()).toContain('<title>Upload files');
    expect(usual.output()).toMatch(/^Console: http:\/\/localhost:\d+\/console /m);
  });

  it('is with the same V8 flags by npm and in the image, and tells where they are missing', async () => {
    const image = readFileSync(join(DIST, '../Dockerfile'), 'utf8');
    const command = ['node', ...V8_FLAGS, 'dist/main.js'].map((word) => `"${word}"`).join(', ');
    expect(image).toContain(`CMD [${command}]\n`);
    const warning = 'started without the V8 flags';
    expect(usual.output()).not.toContain(warning);
    const plain = await startServiceProcess({}, { v8Flags: [] });
    services.push(plain);
    await plain.port();
    expect(plain.output()).toContain(warning);
  });

  it('in development takes tokens of the token command, and keeps its keys over a restart', async () => {
    const first = await start({ NODE_ENV: 'development' });
    await first.port();
    const env = { PATH: process.env.PATH, DATA_DIR: first.dataDir, ...coverageOfProcesses };
    const { stdout } = await run(
      process.execPath,
      [join(DIST, 'token.js'), '--sub', 'bob', '--role', 'user'],
      { env },
    );
    first.child.kill('SIGKILL');
    await first.exitCode();
    const second = await start({ NODE_ENV: 'development', DATA_DIR: first.dataDir });
    const form = new FormData();
    form.append('file', new Blob(['hello']), 'a.txt');
    const answer = await fetch(`http://127.0.0.1:${await second.port()}/api/v1/files/upload`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${stdout.trim()}` },
      body: form,
    });
    expect(await answer.json()).toMatchObject({ uploaded_by: 'bob' });
    expect((await stat(join(first.dataDir, 'keys/development-private.pem'))).mode & 0o777).toBe(0o600);
  });

  it('in production names everything that is missing or wrong at once', async () => {
    const service = await start({
      NODE_ENV: 'production',
      SKIP_AUTH: 'true',
      PORT: 'eighty',
      MAX_PARTS: '0',
    });
    expect(await service.exitCode()).toBe(1);
    for (const name of [
      'SKIP_AUTH',
      'JWT_PUBLIC_KEY_FILE',
      'JWT_ISSUER',
      'JWT_AUDIENCE',
      'PORT',
      'MAX_PARTS',
    ]) {
      expect(service.output()).toContain(name);
    }
    expect(service.output()).not.toContain('    at ');
  });

  it('in production warns once of each rule that it was told to do without', async () => {
    const service = await start({
      NODE_ENV: 'production',
      JWT_JWKS_URL: 'http://127.0.0.1:1/keys',
      JWT_ISSUER: '*',
      JWT_AUDIENCE: '*',
      PLAIN_HTTP_HOSTS: 'se-01',
      STORAGE_ELEMENTS: JSON.stringify([{ id: 'a', driver: 'local', path: './files', mode: 'edit' }]),
    });
    await service.port();
    const warned = service
      .output()
      .match(/"level":"warn".*?"msg":"(JWT_ISSUER|JWT_AUDIENCE|PLAIN_HTTP_HOSTS)=/g);
    expect(warned).toHaveLength(3);
  });

  it('names a port that is taken in one line of JSON, and exits', async () => {
    const PORT = String(await usual.port());
    const second = await start({ NODE_ENV: 'development', PORT, LOG_LEVEL: 'error' });
    expect(await second.exitCode()).toBe(1);
    expect(JSON.parse(second.output())).toMatchObject({
      level: 'error',
      msg: `the service does not start: PORT: ${PORT} cannot be listened on (EADDRINUSE)`,
    });
  });

  it('says in one line which part of the data folder cannot be used, and exits', async () => {
    const service = await start({ NODE_ENV: 'test', DATA_DIR: folderWithoutRoomForKeys() });
    expect(await service.exitCode()).toBe(1);
    expect(JSON.parse(service.output())).toMatchObject({
      msg: expect.stringMatching(/^the service does not start: DATA_DIR: EEXIST: .*\/keys'$/),
    });
  });

  it('names a host that cannot be resolved in one line of text, and exits', async () => {
    const HOST = 'no-such-host.invalid';
    const service = await start({ NODE_ENV: 'test', HOST, LOG_FORMAT: 'text', LOG_LEVEL: 'error' });
    expect(await service.exitCode()).toBe(1);
    expect(service.output()).toMatch(
      /^\[[\d:.]+\] ERROR: the service does not start: HOST: no-such-host\.invalid cannot be resolved \(\w+\)\n$/,
    );
  });

  it('names the folder of a database that it cannot read in one line, and exits', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ingester-process-'));
    mkdirSync(join(dataDir, 'database'));
    const service = await start({ NODE_ENV: 'development', DATA_DIR: dataDir });
    expect(await service.exitCode()).toBe(1);
    expect(JSON.parse(service.output())).toMatchObject({
      msg: expect.stringMatching(
        /^the service does not start: DATA_DIR: .*database is the embedded database of/,
      ),
    });
  });

  it('says in one line that its database cannot be used, and listens all the same', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'ingester-process-'));
    const other = new DatabaseSync(join(dataDir, 'database.sqlite'));
    other.exec('CREATE TABLE of_another_version (n int); BEGIN EXCLUSIVE');
    await expectWarning(/database\.sqlite is in use by another process; processes share a PostgreSQL/);
    other.close();
    await expectWarning(/database\.sqlite has the tables of another version of Ingester; deliver what/);

    async function expectWarning(reason: RegExp): Promise<void> {
      const second = await start({ NODE_ENV: 'development', DATA_DIR: dataDir });
      await second.port();
      await printed(second, /the database cannot be used yet/);
      const lines = second.output().split('\n');
      const warnings = lines.filter((line) => line.includes('the database cannot be used yet'));
      expect(warnings).toEqual([expect.stringMatching(reason)]);
      // It tries again and again, and would be in the way of the next one.
      second.child.kill('SIGKILL');
      await second.exitCode();
    }
  });

  readOnly.describe(`on a disk that is mounted read-only${readOnly.whyNot}`, () => {
    it('names the data folder in one line, and exits', async () => {
      const service = await startServiceProcess({
        NODE_ENV: 'production',
        DATA_DIR: readOnly.path,
        JWT_JWKS_URL: 'http://127.0.0.1:1/keys',
        JWT_ISSUER: 'https://login.example',
        JWT_AUDIENCE: 'ingester',
        STORAGE_ELEMENTS: JSON.stringify([{ id: 'a', driver: 'local', path: '/nowhere', mode: 'edit' }]),
      });
      try {
        expect(await service.exitCode()).toBe(1);
        expect(JSON.parse(service.output())).toMatchObject({
          msg: `the service does not start: DATA_DIR: ${readOnly.path} is no folder that can be written to (EROFS)`,
        });
      } finally {
        service.child.kill('SIGKILL');
      }
    });
  });
});

/** One in which a file has the name of the folder of keys. */
function folderWithoutRoomForKeys(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ingester-process-'));
  writeFileSync(join(folder, 'keys'), '');
  return folder;
}

/** Waits until the service has printed what `pattern` finds. */
async function printed(service: ServiceProcess, pattern: RegExp): Promise<string> {
  for (;;) {
    const match = pattern.exec(service.output());
    if (match) return match[0];
    await new Promise((resolve) => service.child.once('output', resolve));
  }
}
