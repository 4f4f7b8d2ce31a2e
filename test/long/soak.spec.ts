import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/postgres-server.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { StorageElementServer, type UploadFault } from '../support/storage-element-server.js';
import { createTestKeys } from '../support/tokens.js';
import { SoakClients } from './soak-clients.js';
import { FIGURES, floorsOf, lineOf, type SoakSample, soakSample } from './soak-figures.js';

const MIB = 1024 * 1024;
const MINUTES = Number(process.env.SOAK_MINUTES ?? '30');
const MINUTE_MS = 60_000;
const SAMPLE_MS = 5_000;
const SAMPLES_A_MINUTE = MINUTE_MS / SAMPLE_MS;
const CLIENTS = 8;

const MAX_RESIDENT_BYTES = 300 * MIB;
/** What the floors of two thirds of a run may differ by, and nothing has grown. */
const HEAP_NOISE_BYTES = 6 * MIB;
const DESCRIPTOR_NOISE = 10;

/** Of these looks at the element, the last few are at one that fails: what comes then is accepted, and asked about. */
const WEATHER: readonly (UploadFault | undefined)[] = [
  undefined,
  undefined,
  undefined,
  { kind: 'answer', status: 503 },
  undefined,
  undefined,
  undefined,
  { kind: 'lost-answer' },
];

describe(`a process under load for ${MINUTES} minutes`, () => {
  let element: StorageElementServer;
  let service: ServiceProcess;
  let port: number;
  let token: string;
  let dataDir: string;

  beforeAll(async () => {
    element = await StorageElementServer.start();
    port = await freePort();
    const keys = await createTestKeys();
    const now = Math.floor(Date.now() / 1000);
    token = await keys.sign({ exp: now + 60 * (MINUTES + 60) });
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-soak-'));
    // Half an hour of its log would fill this process.
    const nowhere = openSync('/dev/null', 'w');
    service = await startServiceProcess(
      {
        NODE_ENV: 'development',
        PORT: String(port),
        DATA_DIR: dataDir,
        JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
        STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-1', driver: 'http', url: element.url, mode: 'edit' }]),
        STORAGE_CIRCUIT_RECOVERY_MS: '1000',
        STORAGE_CIRCUIT_MAX_RECOVERY_MS: '1000',
        STORAGE_COMMIT_TIMEOUT_MS: '2000',
        DELIVERY_BACKOFF_MAX_MS: '2000',
        DELIVERY_MAX_ATTEMPTS: '1000',
      },
      { stdout: nowhere },
    );
    closeSync(nowhere);
    await eventually(async () => {
      await fetch(`http://127.0.0.1:${port}/health/live`);
    });
  });
  afterAll(async () => {
    await service.dispose();
    await element.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it(
    'holds no more memory, heap and descriptors at its end than in its middle',
    async () => {
      const clients = new SoakClients(port, token, CLIENTS);
      const samples: SoakSample[] = [];
      print(`minute${FIGURES.map((name) => name.padStart(12)).join('')}\n`);
      for (let minute = 1; minute <= MINUTES; minute += 1) {
        samples.push(...(await minuteOfSamples()));
        print(`${lineOf(minute, samples.slice(-SAMPLES_A_MINUTE))}\n`);
      }
      element.options.fault = undefined;
      await clients.stop();
      const outcomes = Object.fromEntries(
        [...clients.outcomes].toSorted(([one], [other]) => one.localeCompare(other)),
      );
      print(`soak: ${JSON.stringify(outcomes)}\n`);
      expect(Object.keys(outcomes).filter((outcome) => outcome.includes(' 5'))).toEqual([]);
      expectFlat(samples);
    },
    (MINUTES + 5) * MINUTE_MS,
  );

  async function minuteOfSamples(): Promise<SoakSample[]> {
    const samples: SoakSample[] = [];
    for (let index = 0; index < SAMPLES_A_MINUTE; index += 1) {
      element.options.fault = WEATHER[index % WEATHER.length];
      await sleep(SAMPLE_MS);
      // What the element remembers would fill this process, not the one that is measured.
      element.requests.length = 0;
      element.uploads.length = 0;
      element.files.clear();
      samples.push(await soakSample(service.child.pid ?? 0, port));
    }
    return samples;
  }
});

function expectFlat(samples: readonly SoakSample[]): void {
  const [heapBefore, heap] = floorsOf(samples, 'heapUsed');
  const [descriptorsBefore, descriptors] = floorsOf(samples, 'descriptors');
  expect(Math.max(...samples.map(({ resident }) => resident))).toBeLessThanOrEqual(MAX_RESIDENT_BYTES);
  expect(heap - heapBefore).toBeLessThan(HEAP_NOISE_BYTES);
  expect(descriptors - descriptorsBefore).toBeLessThan(DESCRIPTOR_NOISE);
}

function print(text: string): void {
  process.stdout.write(text);
}
