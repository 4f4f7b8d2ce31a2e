import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually as soon } from '../support/eventually.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsAt } from '../support/fault-cell.js';
import { type StormUpload, UploadStorm } from './upload-storm.js';

const CLIENTS = 300;
/** Less than one for each client, since an element gets no more connections than are configured for it. */
const CONNECTIONS = 200;
const CIRCUIT = 'storage:se-1';
/** All of it runs in this process, so that nothing is quick. */
const WITHIN_MS = 60_000;
const TIMEOUT_MS = 240_000;
const PATIENCE_MS = '180000';

function eventually(check: () => Promise<void>): Promise<void> {
  return soon(check, WITHIN_MS);
}

describe('300 uploads at once, while one of two elements dies and comes back', () => {
  let first: StorageElementServer;
  let second: StorageElementServer;
  let running: RunningApp;
  let storm: UploadStorm;

  beforeEach(async () => {
    first = await StorageElementServer.start();
    second = await StorageElementServer.start();
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([first.url, second.url]),
      STORAGE_MAX_CONNECTIONS: String(CONNECTIONS),
      // A machine that is busy is late with everything, also at the element that lives.
      STORAGE_CONNECT_TIMEOUT_MS: PATIENCE_MS,
      STORAGE_STALL_TIMEOUT_MS: PATIENCE_MS,
      STORAGE_MIN_BYTES_PER_SECOND: '0',
      STORAGE_COMMIT_TIMEOUT_MS: PATIENCE_MS,
      STORAGE_REQUEST_TIMEOUT_MS: PATIENCE_MS,
      STORAGE_DEADLINE_BASE_MS: PATIENCE_MS,
      STORAGE_ELEMENT_MAX_WAIT_MS: PATIENCE_MS,
      STORAGE_CIRCUIT_RECOVERY_MS: '4000',
      STORAGE_CIRCUIT_MAX_RECOVERY_MS: '4000',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterEach(async () => {
    await storm.close();
    await running.close();
    await Promise.all([first.close(), second.close()]);
  });

  /** The circuit of the element that dies, as operators see it. */
  async function circuit(): Promise<Record<string, unknown>> {
    const headers = { authorization: `Bearer ${await running.token({ role: 'admin' })}` };
    const answer = await fetch(`${running.url}/api/v1/resilience/circuit-breakers/${CIRCUIT}`, { headers });
    return (await answer.json()) as Record<string, unknown>;
  }

  /** How often that circuit changed its state, by how and why. */
  async function transitions(): Promise<Record<string, number>> {
    const text = await (await fetch(`${running.url}/metrics`)).text();
    const line = new RegExp(
      `^resilience_circuit_breaker_transitions_total\\{name="${CIRCUIT}",from="(\\w+)",to="(\\w+)",cause="(\\w+)"\\} (\\d+)$`,
      'gm',
    );
    return Object.fromEntries(
      [...text.matchAll(line)].map(([, from, to, cause, times]) => [`${from} ${to} ${cause}`, Number(times)]),
    );
  }

  async function expectState(state: string): Promise<void> {
    await eventually(async () => expect(await circuit()).toMatchObject({ state }));
  }

  async function expectMoreAnswers(count: number): Promise<void> {
    const enough = storm.answered + count;
    await eventually(async () => expect(storm.answered).toBeGreaterThanOrEqual(enough));
  }

  /** Every file is at one element, once, whole, and under the id that its client was told. */
  function expectEachOnce(uploads: readonly StormUpload[]): void {
    const finished = [...first.uploads, ...second.uploads].filter(({ state }) => state === 'finished');
    expect(finished.length).toBe(uploads.length);
    const stored = [...first.files, ...second.files].map(([fileId, { sha256 }]) => `${fileId} ${sha256}`);
    const told = uploads.map(({ body, sentSha256 }) => `${String(body.file_id)} ${sentSha256}`);
    expect(new Set(stored)).toEqual(new Set(told));
  }

  it(
    'fail for no client, open its circuit once, and close it once when probes find it alive',
    async () => {
      const dying = Promise.withResolvers<void>();
      first.options.fault = { kind: 'wait', until: dying.promise };
      storm = await UploadStorm.start(running, CLIENTS);
      await eventually(async () => expect(first.uploads.length).toBe(CONNECTIONS));

      // What is under way ends with it: else it would take the rest from its buffers.
      dying.reject(new Error('the element died'));
      await first.close();
      await eventually(async () => {
        expect(await circuit()).toMatchObject({ state: 'open', failure_count: 5, failure_threshold: 5 });
      });
      // Where that takes longer than a circuit stays open, probes find the element dead, and open it anew.
      await expectMoreAnswers(CLIENTS / 4);
      expect(first.uploads.length).toBe(CONNECTIONS);

      const probed = Promise.withResolvers<void>();
      first.options.fault = { kind: 'wait', until: probed.promise };
      await first.comeBack();
      await expectState('half_open');
      await eventually(async () => expect(first.uploads.length).toBe(CONNECTIONS + 2));
      await expectMoreAnswers(CLIENTS);
      await sleep(100);
      expect(first.uploads.length).toBe(CONNECTIONS + 2);
      expect(await circuit()).toMatchObject({ state: 'half_open', success_count: 0 });

      first.options.fault = undefined;
      probed.resolve();
      await expectState('closed');
      await eventually(async () => expect(first.files.size).toBeGreaterThan(CLIENTS));

      const uploads = await storm.end();
      expect([...new Set(uploads.map(({ status }) => status))]).toEqual([201]);
      expectEachOnce(uploads);
      const { 'half_open open probe_failed': foundDead = 0, ...others } = await transitions();
      expect(others).toEqual({
        'closed open failures': 1,
        'open half_open recovery_due': foundDead + 1,
        'half_open closed probes_succeeded': 1,
      });
    },
    TIMEOUT_MS,
  );
});
