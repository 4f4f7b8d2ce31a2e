import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RunningApp } from '../support/app.js';
import type { MockServer } from '../support/mockserver.js';
import { put, sentOn, type ServiceSetUp, startService, upload, withService } from './service.js';

const readinessReport = z.object({ details: z.record(z.string(), z.object({ status: z.string() })) });

/** Storage elements that fail, and how the service and its readiness tell. */
export function storageFlows(mockServer: () => MockServer): void {
  let mock: MockServer;
  let service: RunningApp;

  beforeAll(async () => {
    mock = mockServer();
    service = await startService(mock);
  });

  afterAll(() => service.close());

  async function readiness(setUp: ServiceSetUp): Promise<[number, string[]]> {
    return withService(mock, setUp, async (running) => {
      const headers = { authorization: `Bearer ${await running.token({ role: 'admin' })}` };
      const response = await fetch(`${running.url}/api/v1/health/ready`, { headers });
      const { details } = readinessReport.parse(await response.json());
      const notUp = Object.entries(details).filter(([, { status }]) => status !== 'up');
      return [response.status, notUp.map(([name]) => name).toSorted()];
    });
  }

  const failures: [name: string, status: number, code: string][] = [
    ['status-400.txt', 502, 'STORAGE_FAILED'],
    ['status-422.txt', 502, 'STORAGE_FAILED'],
    ['status-500.txt', 502, 'STORAGE_FAILED'],
    ['status-507.txt', 507, 'STORAGE_FULL'],
    ['disk-full.txt', 507, 'STORAGE_FULL'],
    ['garbage.txt', 502, 'STORAGE_FAILED'],
    ['empty-receipt.txt', 502, 'STORAGE_FAILED'],
    ['cut-answer.txt', 502, 'STORAGE_FAILED'],
    ['drop-connection.txt', 502, 'STORAGE_FAILED'],
    ['not-http.txt', 502, 'STORAGE_FAILED'],
  ];
  const everywhere = ['temporary', 'permanent'].flatMap((policy) =>
    failures.map(([name, status, code]) => [name, policy, status, code] as const),
  );

  it.each(everywhere)('answers %s to a %s file with %i %s', async (name, policy, status, code) => {
    const answer = await upload(service, { name, fields: { retention_policy: policy } });
    expect([answer.status, answer.body.code, answer.body.retryable]).toEqual([status, code, true]);
  });

  it('tells the caller of a file that is too large for the element', async () => {
    const { status, body } = await upload(service, { name: 'status-413.txt' });
    expect([status, body.code, body.retryable]).toEqual([413, 'FILE_TOO_LARGE', false]);
  });

  it('gives an element a limited time to confirm a file', async () => {
    await withService(mock, { variables: { STORAGE_COMMIT_TIMEOUT_MS: '500' } }, async (hurried) => {
      const { status, body } = await upload(hurried, { name: 'slow-answer.txt' });
      expect([status, body.code]).toEqual([504, 'STORAGE_TIMEOUT']);
    });
  });

  it.each(['wrong-checksum.txt', 'wrong-size.txt'])(
    'removes a file that the element acknowledges with other bytes: %s',
    async (name) => {
      const { status, body, requestId } = await upload(service, { name });
      expect([status, body.code]).toEqual([502, 'STORAGE_FAILED']);
      expect(await sentOn(mock, requestId, 'DELETE')).toHaveLength(1);
    },
  );

  it.each([
    ['is full', '/full', 507, 'STORAGE_FULL'],
    ['is down', '/down', 502, 'STORAGE_FAILED'],
    ['refuses before it has read the file', '/hasty', 413, 'FILE_TOO_LARGE'],
    ['closes the connection before it has read the file', '/hangup', 502, 'STORAGE_FAILED'],
    ['has another mode than configured', '/goartstore', 502, 'STORAGE_FAILED'],
  ])('answers for an element that %s', async (_, temporary, status, code) => {
    await withService(mock, { temporary }, async (broken) => {
      const content = 'b'.repeat(1024 * 1024);
      const answer = await upload(broken, { content });
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    });
  });

  it('stores a raw body at one element while another cannot be asked for its id', async () => {
    await withService(mock, { permanent: '/hangup' }, async (half) => {
      expect(await put(half, randomUUID())).toMatchObject({ status: 201 });
    });
  });

  it('is ready with all elements and the token endpoint up', async () => {
    expect(await readiness({})).toEqual([200, []]);
  });

  it.each<[string, ServiceSetUp, number, string[]]>([
    ['one element is down', { permanent: '/down' }, 200, ['storage:permanent']],
    [
      'all elements are down',
      { temporary: '/down', permanent: '/down' },
      503,
      ['storage', 'storage:permanent', 'storage:temporary'],
    ],
    ['the token endpoint is down', { clientId: 'broken-client' }, 200, ['token_endpoint']],
  ])('says so in its readiness when %s', async (_, setUp, status, notUp) => {
    expect(await readiness(setUp)).toEqual([status, notUp]);
  });
}
