import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';
import { AdminModuleServer } from '../support/admin-module-server.js';
import { eventually } from '../support/eventually.js';
import { OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { TokenEndpointServer } from '../support/token-endpoint.js';
import { TusRequests } from '../support/tus-requests.js';

const [SERVER, CLIENT, CONSUMER] = [2, 3, 5];
const [UNSET, ERROR] = [0, 2];
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01` };
const BYTES = Buffer.from('these are the bytes');

let collector: OtlpReceiver;
let service: AcceptingService;

async function start(variables: Record<string, string> = {}): Promise<void> {
  service = await startAccepting({ ...collector.variables, ...variables });
}

beforeEach(async () => {
  collector = await OtlpReceiver.start();
});

afterEach(async () => {
  await service.close();
  await collector.close();
});

const headerOf = ({ traceId, spanId }: ReceivedSpan, flags = '01'): string =>
  `00-${traceId}-${spanId}-${flags}`;
const seenByElement = (): (string | string[] | undefined)[] =>
  service.element.uploads.map(({ headers }) => headers.traceparent);

describe('an upload that is stored at once', () => {
  it('is a span with one for the attempt, whose traceparent the element sees', async () => {
    await start();
    delete service.element.options.fault;
    const receipt = (await (await service.post(BYTES)).json()) as Json;
    const [[upload], [attempt]] = await Promise.all([
      collector.named('upload'),
      collector.named('storage attempt'),
    ]);
    expect(upload).toMatchObject({
      kind: SERVER,
      status: { code: UNSET },
      attributes: {
        'http.request.method': 'POST',
        'http.response.status_code': 201,
        'ingester.upload.id': receipt.upload_id,
        'ingester.upload.protocol': 'multipart',
        'ingester.upload.outcome': 'stored',
        'ingester.upload.bytes': BYTES.length,
        'ingester.target': 'storage:se-1',
      },
    });
    expect(upload?.parentSpanId).toBeUndefined();
    expect(attempt).toMatchObject({
      kind: CLIENT,
      traceId: upload?.traceId,
      parentSpanId: upload?.spanId,
      attributes: {
        'ingester.upload.id': receipt.upload_id,
        'ingester.target': 'storage:se-1',
        'ingester.attempt': 1,
        'ingester.outcome': 'stored',
        'file.size': BYTES.length,
      },
    });
    expect(seenByElement()).toEqual([attempt && headerOf(attempt)]);
    expect(collector.resources[0]).toMatchObject({ 'service.name': 'ingester' });
  });

  it('says nothing of file names and tokens', async () => {
    await start();
    delete service.element.options.fault;
    await service.post(BYTES);
    await collector.named('upload');
    const said = collector.requests.map(({ body }) => body.toString()).join();
    expect(said).toContain('storage attempt');
    expect(said).not.toMatch(/a\.bin|a report|eyJ|alice/);
  });

  it('is part of the trace of its client', async () => {
    await start();
    delete service.element.options.fault;
    await service.put(randomUUID(), BYTES, SAMPLED);
    const [upload] = await collector.named('upload');
    expect(upload).toMatchObject({ traceId: TRACE, parentSpanId: SPAN });
  });

  it('carries the attributes that the process is configured with', async () => {
    await start({
      OTEL_SERVICE_NAME: 'uploads',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test%20room,service.name=other',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=one',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-key=two',
    });
    await service.post(BYTES);
    await collector.named('upload');
    expect(collector.resources[0]).toMatchObject({
      'service.name': 'uploads',
      'deployment.environment.name': 'test room',
    });
    expect(collector.requests[0]).toMatchObject({ path: '/v1/traces', headers: { 'x-key': 'two' } });
  });
});

describe('a file that is registered', () => {
  it('is a trace of its own, with a link to the upload', async () => {
    const [admin, tokens] = await Promise.all([AdminModuleServer.start(), TokenEndpointServer.start()]);
    try {
      await start({
        ADMIN_URL: admin.url,
        SERVICE_TOKEN_URL: tokens.url,
        SERVICE_CLIENT_ID: 'ingester',
        SERVICE_CLIENT_SECRET: 'secret',
      });
      delete service.element.options.fault;
      expect((await service.post(BYTES)).status).toBe(201);
      const [[upload], [registration]] = await Promise.all([
        collector.named('upload'),
        collector.named('registration'),
      ]);
      expect(registration).toMatchObject({
        kind: CONSUMER,
        status: { code: UNSET },
        links: [{ traceId: upload?.traceId, spanId: upload?.spanId }],
        attributes: {
          'ingester.upload.id': upload?.attributes['ingester.upload.id'],
          'ingester.outcome': 'succeeded',
        },
      });
      expect(registration?.traceId).not.toBe(upload?.traceId);
    } finally {
      await Promise.all([admin.close(), tokens.close()]);
    }
  });
});

describe('an upload that fails', () => {
  it('has one span for each attempt, each with its own traceparent, and an error', async () => {
    await start({ DELIVER_LATER: 'false', STORAGE_RETRY_ATTEMPTS: '3', STORAGE_RETRY_BASE_DELAY_MS: '1' });
    const answer = await service.post(BYTES);
    const { trace_id: traceId } = (await answer.json()) as Json;
    expect(answer.status).toBe(502);
    const [upload] = await collector.named('upload');
    const attempts = await collector.named('storage attempt', 3);
    expect(upload).toMatchObject({
      // It finds the log lines as well.
      traceId,
      status: { code: ERROR },
      attributes: {
        'error.type': 'STORAGE_FAILED',
        'http.response.status_code': 502,
        'ingester.upload.outcome': 'failed',
      },
    });
    expect(attempts.map(({ attributes }) => attributes['ingester.attempt'])).toEqual([1, 2, 3]);
    for (const attempt of attempts)
      expect(attempt).toMatchObject({
        parentSpanId: upload?.spanId,
        status: { code: ERROR },
        attributes: { 'error.type': 'STORAGE_FAILED', 'http.response.status_code': 500 },
      });
    expect(seenByElement()).toEqual(attempts.map((attempt) => headerOf(attempt)));
  });

  it('by what the client sent is no error of ours', async () => {
    await start();
    const body = new FormData();
    await service.call('/api/v1/files/upload', { method: 'POST', body });
    const [upload] = await collector.named('upload');
    expect(upload).toMatchObject({
      status: { code: UNSET },
      attributes: { 'error.type': expect.any(String), 'http.response.status_code': 400 },
    });
  });
});

describe('an upload that is accepted', () => {
  it('is delivered in another trace, with a link to it', async () => {
    await start();
    const answer = await service.post(BYTES, SAMPLED);
    expect(answer.status).toBe(202);
    const { upload_id: id } = (await answer.json()) as Json;
    await collector.named('delivery');
    delete service.element.options.fault;
    await service.untilStatus(id, 'active');
    const [upload] = await collector.named('upload');
    await eventually(() => {
      const last = collector.spans.findLast(({ name }) => name === 'delivery');
      expect(last?.attributes['ingester.outcome']).toBe('succeeded');
      return Promise.resolve();
    });
    const deliveries = await collector.named('delivery', 2);
    const [first, last] = [deliveries[0], deliveries.at(-1)];
    expect(first).toMatchObject({
      kind: CONSUMER,
      status: { code: ERROR },
      attributes: { 'error.type': 'STORAGE_FAILED', 'ingester.attempt': 1, 'ingester.next_step': 'wait' },
    });
    expect(last).toMatchObject({
      links: [{ traceId: TRACE, spanId: upload?.spanId }],
      attributes: { 'ingester.upload.id': id, 'ingester.target': 'storage:se-1', 'file.size': BYTES.length },
    });
    expect(last?.parentSpanId).toBeUndefined();
    expect(new Set([TRACE, first?.traceId, last?.traceId]).size).toBe(3);
    const attempt = collector.spans.find(({ parentSpanId }) => parentSpanId === last?.spanId);
    expect(attempt).toMatchObject({ name: 'storage attempt', traceId: last?.traceId });
    expect(seenByElement().at(-1)).toBe(attempt && headerOf(attempt));
  });
});

describe('an upload in several requests', () => {
  it('is a span for each creation and each append, and none for a question', async () => {
    await start();
    delete service.element.options.fault;
    const tus = new TusRequests(service.running, await service.running.token());
    const location = await tus.begin(BYTES.length);
    await tus.patch(location, 0, BYTES.subarray(0, 5));
    await tus.head(location);
    await tus.patch(location, 5, BYTES.subarray(5));
    await collector.named('storage attempt');
    const uploads = await collector.named('upload', 3);
    const said = uploads.map(({ attributes }) => [
      attributes['http.request.method'],
      attributes['ingester.upload.outcome'],
      attributes['ingester.upload.bytes'],
    ]);
    expect(said).toEqual([
      ['POST', 'created', undefined],
      ['PATCH', 'received', 5],
      ['PATCH', 'stored', BYTES.length - 5],
    ]);
    expect(new Set(uploads.map(({ attributes }) => attributes['ingester.upload.id'])).size).toBe(1);
  });
});
