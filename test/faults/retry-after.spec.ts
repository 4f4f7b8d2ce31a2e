import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from '../support/app.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsAt } from '../support/fault-cell.js';

const ROUNDS = 6;

describe('an upload to the only element, which asks for a longer rest than anybody waits', () => {
  let element: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    const fault = { kind: 'answer', status: 503, headers: { 'retry-after': '30' } } as const;
    element = await StorageElementServer.start({ fault });
  });

  afterEach(async () => {
    await running.close();
    await element.close();
  });

  it.each([
    ['the longest delay', { STORAGE_RETRY_MAX_MS: '10000' }],
    ['the deadline', { STORAGE_RETRY_MAX_MS: '60000', STORAGE_DEADLINE_MAX_MS: '10000' }],
    ['its attempts', { STORAGE_RETRY_ATTEMPTS: '1' }],
  ])('is told at once when it is worth another try, where that is beyond %s', async (_what, variables) => {
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([element.url]),
      // Nothing is kept for later, so that the answer tells of the storage.
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
      ...variables,
    });
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { authorization: `Bearer ${await running.token()}` };
    const startedAt = performance.now();
    const answer = await fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(await answer.json()).toMatchObject({ status: 503, code: 'NO_STORAGE_AVAILABLE' });
    const waitSeconds = Number(answer.headers.get('retry-after'));
    expect(waitSeconds).toBeGreaterThanOrEqual(29);
    expect(waitSeconds).toBeLessThanOrEqual(30);
    expect(element.uploads).toHaveLength(1);
  });

  it('is stored at once when an operator resets the circuit, which tells of the rest', async () => {
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([element.url]),
      DELIVER_LATER: 'false',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
    const admin = { authorization: `Bearer ${await running.token({ role: 'admin' })}` };
    const circuit = `${running.url}/api/v1/resilience/circuit-breakers/storage:se-1`;
    const upload = async (): Promise<number> => {
      const body = new FormData();
      body.append('file', new Blob(['hello']), 'a.txt');
      const headers = { authorization: `Bearer ${await running.token()}` };
      return (await fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body })).status;
    };
    expect(await upload()).toBe(503);
    element.options.fault = undefined;
    const report = await (await fetch(circuit, { headers: admin })).json();
    expect(report).toMatchObject({ state: 'closed', cooling_until: expect.stringMatching(/^20.*Z$/) });
    expect(await upload()).toBe(503);
    const reset = await fetch(`${circuit}/reset`, { method: 'POST', headers: admin });
    expect(await reset.json()).toMatchObject({ state: 'closed', cooling_until: null });
    expect(await upload()).toBe(201);
  });
});

describe('an upload to the only element, which asks for a second of rest', () => {
  const services: { element: StorageElementServer; running: RunningApp }[] = [];

  beforeEach(async () => {
    for (let index = 0; index < 6; index += 1) {
      const element = await StorageElementServer.start();
      const running = await startApp({
        STORAGE_ELEMENTS: elementsAt([element.url]),
        STORAGE_RETRY_BASE_MS: '1',
        STORAGE_RETRY_MAX_MS: '1500',
        SHUTDOWN_DRAIN_DELAY_MS: '0',
      });
      services.push({ element, running });
    }
  });

  afterEach(async () => {
    for (const { element, running } of services.splice(0)) {
      await running.close();
      await element.close();
    }
  });

  async function uploadTwiceTried({ element, running }: (typeof services)[number]): Promise<number> {
    element.options.fault = { kind: 'answer', status: 503, headers: { 'retry-after': '1' } };
    const body = new FormData();
    body.append('file', new Blob(['hello']), 'a.txt');
    const headers = { authorization: `Bearer ${await running.token()}` };
    const sent = fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
    await sleep(500);
    element.options.fault = undefined;
    return (await sent).status;
  }

  // Timers fire early by a moment, now and then: one round shows nothing.
  it('is stored after that second, every time', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const statuses = await Promise.all(services.map(uploadTwiceTried));
      expect(statuses).toEqual(services.map(() => 201));
    }
  });
});
