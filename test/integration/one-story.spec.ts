import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, DOWN, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';

const ADMIN: Json = { sub: 'olga', role: 'admin' };

/** What a client knows of what it has sent. */
interface Told {
  readonly stored: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly bytes: number;
}

describe('an outage', () => {
  let service: AcceptingService;

  afterEach(() => service.close());

  it('is one story, whether clients tell it, metrics, the live stream or the element', async () => {
    service = await startAccepting({ STORAGE_RETRY_ATTEMPTS: '2', STORAGE_RETRY_BASE_MS: '10' });
    const { element } = service;
    element.options.fault = undefined;
    const answers = [await send(30_000), await send(100_000), await send(1)];
    element.options.fault = DOWN;
    answers.push(await send(70_000), await send(12), await send(200_000));
    answers.push(await send(4_000, { 'Repr-Digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` }));
    await eventually(async () => expect((await liveReplica()).deliveries.failed_attempts).toBeGreaterThan(2));
    element.options.fault = undefined;
    await eventually(async () => expect((await liveReplica()).deliveries.delivered).toBe(3));
    answers.push(await send(9_999));

    const told: Told = {
      stored: countOf(answers, 201),
      accepted: countOf(answers, 202),
      rejected: countOf(answers, 400),
      bytes: answers.reduce((sum, { bytes }) => sum + bytes, 0),
    };
    expect(told).toMatchObject({ stored: 4, accepted: 3, rejected: 1 });
    const live = await liveReplica();
    expect(live.uploads).toEqual({
      ...none,
      stored: told.stored,
      accepted: told.accepted,
      rejected: told.rejected,
    });
    expect(live.bytes.received).toBe(told.bytes);
    const metrics = await metricsByName();
    for (const outcome of ['stored', 'accepted', 'rejected', 'failed', 'client_abort'])
      expect(sumOf(metrics, 'upload_duration_seconds_count', `outcome="${outcome}"`)).toBe(
        live.uploads[outcome],
      );
    expect(sumOf(metrics, 'upload_received_bytes_total')).toBe(told.bytes);
    expect(sumOf(metrics, 'upload_forwarded_bytes_total')).toBe(live.bytes.sent);
    expect(sumOf(metrics, 'resilience_retry_attempts_total')).toBe(live.retries);

    expect(element.files.size).toBe(told.stored + told.accepted);
    const firstTries =
      told.stored + told.accepted + live.deliveries.delivered + live.deliveries.failed_attempts;
    expect(element.uploads).toHaveLength(firstTries + live.retries);
  });

  async function send(size: number, headers = {}): Promise<{ status: number; bytes: number }> {
    const { status } = await service.put(randomUUID(), randomBytes(size), headers);
    return { status, bytes: size };
  }

  /** What the first snapshot of the stream says of this process. */
  async function liveReplica(): Promise<LiveReplica> {
    const stream = await service.call('/api/v1/live', {}, ADMIN);
    let text = '';
    for await (const chunk of stream.body ?? []) {
      text += Buffer.from(chunk).toString();
      const data = /^data: (.*)$/m.exec(text)?.[1];
      if (data !== undefined) return (JSON.parse(data) as { replicas: [LiveReplica] }).replicas[0];
    }
    throw new Error('the stream has ended');
  }

  async function metricsByName(): Promise<string[]> {
    return (await (await service.call('/metrics')).text()).split('\n');
  }
});

interface LiveReplica {
  readonly uploads: Readonly<Record<string, number>>;
  readonly bytes: { readonly received: number; readonly sent: number };
  readonly deliveries: { readonly delivered: number; readonly failed_attempts: number };
  readonly retries: number;
}

const none = { in_flight: 0, failed: 0, client_abort: 0, received: 0 };

function countOf(answers: readonly { status: number }[], wanted: number): number {
  return answers.filter(({ status }) => status === wanted).length;
}

/** The sum of all series of a metric that have a label. */
function sumOf(lines: readonly string[], name: string, label = ''): number {
  const series = lines.filter(
    (line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label),
  );
  return series.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
