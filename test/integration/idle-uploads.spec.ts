import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { inLongRun } from '../support/long-run.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { createTestKeys } from '../support/tokens.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const UPLOADS = inLongRun(100_000, 2_000);
const PAGE = 1_000;
const BYTES = Buffer.from('abc');
const SWEPT_WITHIN_MS = inLongRun(600_000, 30_000);
/** A start that waits until all of them were looked at takes longer: in a long run by far. */
const START_NOISE_MS = 5_000;
/** What the process itself differs by from one start to the next, and what may come on top for each upload. */
const NOISE_BYTES = 64 * 1024 * 1024;
const BYTES_EACH = 1_024;

describe(`${UPLOADS} uploads that nobody goes on with`, () => {
  let dataDir: string;
  let service: ServiceProcess | undefined;
  let port: number;
  let token: string;
  let variables: Record<string, string>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-idle-'));
    const keys = await createTestKeys();
    token = await keys.sign();
    variables = {
      NODE_ENV: 'development',
      DATA_DIR: dataDir,
      SPOOL_MIN_FREE_BYTES: '0',
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
    };
  });
  afterEach(() => stop());
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  /** Gives how long it took, in milliseconds. */
  async function start(): Promise<number> {
    const before = performance.now();
    service = await startServiceProcess(variables);
    port = await service.port();
    return performance.now() - before;
  }

  async function stop(): Promise<void> {
    service?.child.kill('SIGKILL');
    await service?.exitCode();
    service = undefined;
  }

  const get = (path: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { Authorization: `Bearer ${token}` } });

  async function uploadsOpen(): Promise<number> {
    const metrics = await (await get('/metrics')).text();
    return Number(/^resumable_uploads_open (\d+)$/m.exec(metrics)?.[1]);
  }

  async function residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${service?.child.pid}/status`, 'latin1');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** One that a client has made, again and again under other ids. */
  async function fillSpool(count: number): Promise<void> {
    const tus = new TusRequests({ url: `http://127.0.0.1:${port}` }, token);
    const location = await tus.begin(10);
    await tus.patch(location, 0, BYTES).expect(204);
    const uploadId = pathOf(location).split('/').at(-1) ?? '';
    const root = join(dataDir, 'spool', 'uploads');
    const info = await readFile(join(root, uploadId, 'info'), 'utf8');
    for (let made = 1; made < count; made += 1) {
      const id = randomUUID();
      const folder = join(root, id);
      await mkdir(folder);
      await writeFile(join(folder, 'info'), info.replaceAll(uploadId, id));
      await writeFile(join(folder, '1-0.seg'), BYTES);
    }
  }

  /** All ids that are listed, page by page, and the longest time that a page took. */
  async function listed(): Promise<{ ids: Set<string>; slowestMs: number }> {
    const ids = new Set<string>();
    let slowestMs = 0;
    for (let next: string | null = ''; next !== null;) {
      const before = performance.now();
      const answer = await get(`/api/v1/uploads?limit=${PAGE}${next && `&after=${next}`}`);
      const page = (await answer.json()) as { uploads: { upload_id: string }[]; next: string | null };
      slowestMs = Math.max(slowestMs, performance.now() - before);
      for (const { upload_id: uploadId } of page.uploads) ids.add(uploadId);
      next = page.next;
    }
    return { ids, slowestMs };
  }

  it('hold no start up, cost little memory, and are listed page by page', async () => {
    // The first start prepares keys and compiled code for those after it.
    await start();
    await stop();
    const emptyStartMs = await start();
    await fillSpool(UPLOADS);
    await stop();
    const startMs = await start();
    const [residentBefore, begin] = [await residentBytes(), performance.now()];
    expect(startMs).toBeLessThan(emptyStartMs + START_NOISE_MS);
    await eventually(async () => expect(await uploadsOpen()).toBe(UPLOADS), SWEPT_WITHIN_MS);
    const sweepMs = performance.now() - begin;
    const residentAfter = await residentBytes();
    const { ids, slowestMs } = await listed();
    expect(ids.size).toBe(UPLOADS);
    expect(residentAfter - residentBefore).toBeLessThan(NOISE_BYTES + UPLOADS * BYTES_EACH);
    const figures = {
      emptyStartMs,
      startMs,
      sweepMs,
      residentMiBAtStart: residentBefore / 2 ** 20,
      residentMiB: residentAfter / 2 ** 20,
      slowestPageMs: slowestMs,
    };
    const line = Object.entries(figures).map(([name, value]) => `${name} ${value.toFixed(0)}`);
    process.stdout.write(`${UPLOADS} idle uploads: ${line.join(', ')}\n`);
  });
});
