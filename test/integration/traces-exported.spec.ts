import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type AcceptingService, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-01` };
const NOT_SAMPLED = { traceparent: `00-${TRACE}-${SPAN}-00` };
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

describe('what is recorded', () => {
  it('is not decided by a stranger, in neither way', async () => {
    await start({ OTEL_TRACES_SAMPLER: 'parentbased_always_off' });
    await service.post(BYTES, SAMPLED);
    expect(service.element.uploads[0]?.headers.traceparent).toMatch(
      new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`),
    );
    await service.close();
    await start();
    await service.post(BYTES, NOT_SAMPLED);
    expect((await collector.named('upload')).map(({ traceId }) => traceId)).toEqual([TRACE]);
  });

  it('is decided by a proxy that is trusted, where it may', async () => {
    const believing = { TRACEPARENT_DECIDES_SAMPLING: 'true', TRUSTED_PROXIES: 'loopback' };
    await start({ OTEL_TRACES_SAMPLER: 'parentbased_always_off', ...believing });
    await service.post(BYTES);
    await service.post(BYTES, SAMPLED);
    expect((await collector.named('upload')).map(({ traceId }) => traceId)).toEqual([TRACE]);
    const delivery = (await collector.named('delivery'))[0];
    expect(delivery?.links).toMatchObject([{ traceId: TRACE }]);
    await service.close();
    await start({ ...believing, TRUSTED_PROXIES: '192.0.2.1' });
    await service.post(BYTES, NOT_SAMPLED);
    expect(await collector.named('upload', 2)).toHaveLength(2);
  });
});

describe('a collector', () => {
  it('that is away stops neither uploads nor the end', async () => {
    await collector.close();
    await start();
    delete service.element.options.fault;
    expect((await service.post(BYTES)).status).toBe(201);
    const startedAt = performance.now();
    await service.close();
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('that comes back is sent what comes then', async () => {
    await collector.close();
    await start({ OTEL_EXPORTER_OTLP_TIMEOUT: '50' });
    await service.post(BYTES);
    await collector.comeBack();
    await eventually(async () => {
      await service.post(BYTES);
      expect(collector.spans).not.toEqual([]);
    });
  });

  it('is sent protobuf unless it is asked for JSON', async () => {
    await start({ OTEL_EXPORTER_OTLP_PROTOCOL: '' });
    await service.post(BYTES);
    await eventually(() => {
      expect(collector.requests).not.toEqual([]);
      return Promise.resolve();
    });
    const [{ headers, body } = { headers: {}, body: Buffer.alloc(0) }] = collector.requests;
    expect(headers['content-type']).toBe('application/x-protobuf');
    // A message begins with its first field: 1, of a known length.
    expect(body[0]).toBe(0x0a);
    expect(body.includes('storage attempt') || body.includes('upload')).toBe(true);
  });
});
