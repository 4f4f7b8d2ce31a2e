import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { inLongRun } from '../support/long-run.js';
import { createTestKeys, type TestKeys } from '../support/tokens.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const CLIENTS = join(import.meta.dirname, 'misbehaving-clients.js');
const UPLOADS = 100;
const UPLOAD_BYTES = 200_000;
const PROBE_EVERY_MS = 50;
/** How long they misbehave at least. */
const STORM_MS = inLongRun(60_000, 5_000);
const TIMEOUT_MS = 300_000;
/** What the heap may have more in the end: caches that were filled, and garbage. */
const HEAP_MARGIN = 40 * 1024 * 1024;
const PATIENCE_MS = 5_000;

describe('a thousand connections that misbehave', () => {
  let service: ServiceProcess;
  let keys: TestKeys;
  let url: string;
  let dir: string;
  let crowd: ChildProcess | undefined;

  beforeEach(async () => {
    keys = await createTestKeys();
    dir = await mkdtemp(join(tmpdir(), 'ingester-keys-'));
    service = await startServiceProcess({
      NODE_ENV: 'development',
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dir),
      CLIENT_IDLE_TIMEOUT_MS: String(PATIENCE_MS),
      HEADERS_TIMEOUT_MS: String(PATIENCE_MS),
    });
    url = `http://127.0.0.1:${await service.port()}`;
  });
  afterEach(async () => {
    crowd?.kill('SIGKILL');
    await service.dispose();
    await rm(dir, { recursive: true });
  });

  async function startCrowd(): Promise<void> {
    const token = await keys.sign({ sub: 'mallory', role: 'user' });
    crowd = spawn(process.execPath, [CLIENTS, new URL(url).port, token], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (crowd.stdout) await once(crowd.stdout, 'data');
  }

  async function endCrowd(): Promise<void> {
    const exited = crowd && once(crowd, 'exit');
    crowd?.stdin?.end();
    await exited;
  }

  async function upload(authorization: string): Promise<number> {
    const answer = await fetch(`${url}/api/v1/files/${crypto.randomUUID()}`, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'text/plain' },
      body: Buffer.alloc(UPLOAD_BYTES, 'x'),
    });
    await answer.arrayBuffer();
    return answer.status;
  }

  /** Asks for liveness until told to stop, and gives how long each answer took, in milliseconds, the longest last. */
  async function probe(signal: AbortSignal): Promise<number[]> {
    const took: number[] = [];
    while (!signal.aborted) {
      const startedAt = performance.now();
      const answer = await fetch(`${url}/health/live`);
      await answer.arrayBuffer();
      expect(answer.status).toBe(200);
      took.push(performance.now() - startedAt);
      await sleep(PROBE_EVERY_MS);
    }
    return took.toSorted((a, b) => a - b);
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  }

  const descriptors = (): number => readdirSync(`/proc/${service.child.pid}/fd`).length;

  it(
    'hinder no upload and no probe, and leave nothing behind',
    async () => {
      const authorization = `Bearer ${await keys.sign({ sub: 'alice', role: 'user' })}`;
      expect(await upload(authorization)).toBe(201);
      const before = { descriptors: descriptors(), heap: await metric('nodejs_heap_size_used_bytes') };
      await startCrowd();
      const stop = new AbortController();
      const enough = sleep(STORM_MS);
      const probes = probe(stop.signal);
      const statuses = new Map<number, number>();
      for (let sent = 0; sent < UPLOADS; sent += 1) {
        const status = await upload(authorization);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
      await enough;
      stop.abort();
      const took = await probes;
      const p99 = took[Math.ceil(took.length * 0.99) - 1] ?? 0;
      process.stdout.write(
        `1000 misbehaving connections: ${took.length} probes, p99 ${Math.round(p99)} ms, slowest ${Math.round(took.at(-1) ?? 0)} ms\n`,
      );
      expect(Object.fromEntries(statuses)).toEqual({ 201: UPLOADS });
      // The figure belongs to a machine that does nothing else; here it must only not hang.
      expect(p99).toBeLessThan(5_000);
      await endCrowd();
      await eventually(
        async () => expect(descriptors()).toBeLessThanOrEqual(before.descriptors + 10),
        60_000,
      );
      await eventually(
        async () =>
          expect(await metric('nodejs_heap_size_used_bytes')).toBeLessThan(before.heap + HEAP_MARGIN),
        60_000,
      );
      expect(service.output()).not.toContain('INTERNAL_ERROR');
    },
    TIMEOUT_MS,
  );
});
