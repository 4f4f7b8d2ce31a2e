import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { listen, shut } from '../../../test/support/local-server.js';
import type { Caller } from '../../auth/caller.js';
import type { UploadEvent, UploadRecord, UploadStatus } from '../../delivery/upload-record.js';
import type { UploadsLedger } from '../../delivery/uploads-ledger.service.js';
import { ServiceError } from '../../errors/service-error.js';
import { ShutdownState } from '../../observability/shutdown-state.js';
import { UploadEvents } from './upload-events.service.js';

const ALICE = { subject: 'alice', expiresAtMs: Infinity } as Caller;
/** Until the ledger has been asked once more. */
const POLLED_MS = 500;

/** The history of each upload, and each list of ids that the ledger was asked for. */
let histories: Map<string, UploadStatus[]>;
let asked: string[][];
let away: boolean;
let shutdown: ShutdownState;
let events: UploadEvents;
let server: Server;
let url: string;

beforeEach(async () => {
  // Sockets have timers of their own.
  jest.useFakeTimers({
    doNotFake: [
      'nextTick',
      'setImmediate',
      'clearImmediate',
      'queueMicrotask',
      'performance',
      'setInterval',
      'clearInterval',
    ],
  });
  histories = new Map();
  asked = [];
  away = false;
  shutdown = new ShutdownState();
  events = new UploadEvents(ledger() as UploadsLedger, shutdown);
  server = createServer((request, response) => {
    const record = recordOf(request.url?.slice(1) ?? '');
    events.watch(record, ALICE, 0, response).catch(() => response.writeHead(503).end());
  });
  url = await listen(server);
});

afterEach(async () => {
  events.beforeApplicationShutdown();
  jest.useRealTimers();
  await shut(server);
  jest.restoreAllMocks();
});

function ledger(): Partial<UploadsLedger> {
  return {
    findAll: (ids) => {
      asked.push([...ids]);
      if (away) return Promise.reject(new ServiceError('QUEUE_UNAVAILABLE', 'x'));
      return Promise.resolve(ids.filter((id) => histories.has(id)).map(recordOf));
    },
    events: (id, since) => Promise.resolve(eventsOf(id).filter(({ revision }) => revision > since)),
  };
}

function recordOf(uploadId: string): UploadRecord {
  const statuses = histories.get(uploadId) ?? [];
  const status = statuses.at(-1) ?? 'accepted';
  const record = { uploadId, status, revision: statuses.length, digest: { size: 9 }, bytesDelivered: 4 };
  return record as unknown as UploadRecord;
}

function eventsOf(id: string): UploadEvent[] {
  const data = { file_id: null, target: 'storage:se-1', reason: 'STORAGE_FAILED' };
  return (histories.get(id) ?? []).map((type, index) => {
    return { revision: index + 1, type, data: Object.assign({ status: type }, data), at: new Date(0) };
  });
}

async function open(id: string): Promise<{ status: number; text: Promise<string> }> {
  const answer = await fetch(`${url}/${id}`);
  return { status: answer.status, text: answer.text() };
}

const passes = (ms: number): Promise<void> => jest.advanceTimersByTimeAsync(ms);

describe('UploadEvents', () => {
  it('asks once for all who watch, and not at all when nobody does', async () => {
    for (const id of ['a', 'b']) histories.set(id, ['accepted']);
    const streams = await Promise.all([open('a'), open('a'), open('b')]);
    await passes(POLLED_MS);
    expect(asked).toEqual([['a', 'b']]);
    for (const id of ['a', 'b']) histories.set(id, ['accepted', 'active']);
    await passes(POLLED_MS);
    await Promise.all(streams.map(({ text }) => text));
    asked.length = 0;
    await passes(3 * POLLED_MS);
    expect(asked).toEqual([]);
  });

  it('tells each change once, nothing of where a file is, and ends with the last', async () => {
    histories.set('a', ['accepted', 'delivering']);
    const { text } = await open('a');
    await passes(POLLED_MS);
    histories.set('a', ['accepted', 'delivering', 'dead']);
    await passes(POLLED_MS);
    const told = await text;
    expect(told.match(/"status":"\w+"/g)).toEqual([
      '"status":"accepted"',
      '"status":"delivering"',
      '"status":"dead"',
    ]);
    expect(told).toContain('event: progress\ndata: {"upload_id":"a","bytes_delivered":4,"size":9}\n');
    expect(told.match(/event: progress/g)).toHaveLength(1);
    expect(told).toContain('"reason":"STORAGE_FAILED"');
    expect(told).not.toContain('se-1');
  });

  it('goes on when the database is back, and asks it less often until then', async () => {
    const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
    histories.set('a', ['accepted']);
    const { text } = await open('a');
    away = true;
    await passes(3_000);
    expect(asked).toHaveLength(1);
    expect(warn).toHaveBeenCalledTimes(1);
    away = false;
    histories.set('a', ['accepted', 'active']);
    await passes(2_500);
    expect(await text).toContain('"status":"active"');
  });

  it('has no place taken by clients that had left before they were told anything', async () => {
    histories.set('a', ['accepted']);
    const gone = createServer((_, response) => {
      response.once('close', () => void events.watch(recordOf('a'), ALICE, 0, response));
      response.socket?.destroy();
    });
    const goneUrl = await listen(gone);
    for (let left = 0; left < 60; left += 1) await fetch(goneUrl).catch(() => undefined);
    const { status, text } = await open('a');
    expect(status).toBe(200);
    histories.set('a', ['accepted', 'active']);
    await passes(POLLED_MS);
    await text;
    await shut(gone);
  });

  it('ends when the token of the one who watches does, and frees his place', async () => {
    histories.set('a', ['accepted']);
    const briefly = { ...ALICE, expiresAtMs: Date.now() + 1_500 };
    const door = createServer((_, response) => void events.watch(recordOf('a'), briefly, 0, response));
    const answer = await fetch(await listen(door));
    await passes(1_400);
    expect(asked).toEqual([['a'], ['a']]);
    await passes(100);
    expect(await answer.text()).toContain('"status":"accepted"');
    asked.length = 0;
    await passes(3 * POLLED_MS);
    expect(asked).toEqual([]);
    await shut(door);
  });

  it('ends when the receipt is gone', async () => {
    histories.set('a', ['accepted']);
    const { text } = await open('a');
    histories.clear();
    await passes(POLLED_MS);
    expect(await text).toContain('"status":"accepted"');
  });

  it('ends all streams, and takes no more, when the service is told to stop', async () => {
    histories.set('a', ['accepted']);
    const { text } = await open('a');
    shutdown.begin();
    await passes(POLLED_MS);
    await text;
    expect((await open('a')).status).toBe(503);
  });
});
