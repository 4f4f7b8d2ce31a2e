import { createServer, type Server } from 'node:http';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { listen, shut } from '../support/local-server.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { type ServiceProcess, startServiceProcess, V8_FLAGS } from '../support/service-process.js';
import { createTestKeys } from '../support/tokens.js';

/** Has a process print the URL of each module of the SDK that it loads. The client for Prometheus loads the API in any case. */
const TELL_MODULES = `import { registerHooks } from 'node:module';
registerHooks({ load: (url, context, next) => {
  if (/@opentelemetry\\/(?!api\\/)/.test(url)) process.stderr.write('loaded ' + url + '\\n');
  return next(url, context);
} });`;
const FLAGS = [...V8_FLAGS, '--import', `data:text/javascript,${encodeURIComponent(TELL_MODULES)}`];

/** A port on which nobody listens. */
const NOWHERE = 'http://127.0.0.1:1';

describe('a process that traces', () => {
  let service: ServiceProcess;
  let authorization: string;
  const servers: Server[] = [];

  async function start(variables: Record<string, string>): Promise<void> {
    const dataDir = await mkdtemp(join(tmpdir(), 'ingester-traces-'));
    const keys = await createTestKeys();
    authorization = `Bearer ${await keys.sign()}`;
    service = await startServiceProcess(
      {
        NODE_ENV: 'test',
        DATA_DIR: dataDir,
        JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
        SHUTDOWN_DRAIN_DELAY_MS: '0',
        // Longer than any test: what is sent is sent by the shutdown.
        OTEL_BSP_SCHEDULE_DELAY: '600000',
        ...variables,
      },
      { v8Flags: FLAGS },
    );
  }

  async function upload(): Promise<void> {
    const form = new FormData();
    form.append('file', new Blob(['hello']), 'a.txt');
    const answer = await fetch(`http://127.0.0.1:${await service.port()}/api/v1/files/upload`, {
      method: 'POST',
      headers: { authorization },
      body: form,
    });
    expect(answer.status).toBe(201);
  }

  /** How long it took, in milliseconds. */
  async function stop(): Promise<number> {
    const startedAt = performance.now();
    service.child.kill('SIGTERM');
    expect(await service.exitCode()).toBe(0);
    return performance.now() - startedAt;
  }

  afterEach(async () => {
    await service.dispose();
    for (const server of servers.splice(0)) await shut(server);
  });

  it('loads the SDK, and one that does not loads nothing of it', async () => {
    await start({ OTEL_TRACES_EXPORTER: 'otlp' });
    await service.port();
    expect(loadedModules().join()).toContain('@opentelemetry/sdk-trace');
    await service.dispose();
    await start({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE });
    await upload();
    expect(loadedModules()).toEqual([]);
    await service.dispose();
    await start({ OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE });
    await upload();
    expect(loadedModules()).toEqual([]);
  });

  it('sends its last spans when it ends', async () => {
    const collector = await OtlpReceiver.start();
    try {
      await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' });
      await upload();
      await stop();
      expect(collector.spans.map(({ name }) => name)).toEqual(['storage attempt', 'upload']);
    } finally {
      await collector.close();
    }
  });

  it('says once that nobody is there to take them, and ends', async () => {
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: NOWHERE, OTEL_BSP_SCHEDULE_DELAY: '10' });
    await upload();
    await eventually(() => {
      expect(linesOfTracing()).toEqual([expect.stringMatching(/^the collector takes no traces/)]);
      return Promise.resolve();
    });
    await upload();
    await stop();
    expect(linesOfTracing().slice(1)).toEqual(['the collector did not take the last traces']);
  });

  it('does not wait for a collector that says nothing', async () => {
    const silent = createServer(() => undefined);
    servers.push(silent);
    await start({ OTEL_EXPORTER_OTLP_ENDPOINT: await listen(silent) });
    await upload();
    // The time of an export is ten seconds.
    expect(await stop()).toBeLessThan(8_000);
    expect(linesOfTracing()).toEqual(['the collector did not take the last traces']);
  });

  it('does not start for a collector that is spoken to by gRPC', async () => {
    await start({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', OTEL_TRACES_SAMPLER: 'sometimes' });
    expect(await service.exitCode()).toBe(1);
    expect(service.output()).toMatch(/OTEL_EXPORTER_OTLP_PROTOCOL: .*grpc is not spoken/);
    expect(service.output()).toMatch(/OTEL_TRACES_SAMPLER: must be always_on, /);
  });

  function loadedModules(): string[] {
    return service.output().match(/(?<=^loaded ).*$/gm) ?? [];
  }

  function linesOfTracing(): string[] {
    const lines = service.output().match(/^\{.*"context":"Tracing".*\}$/gm) ?? [];
    return lines.map((line) => String(JSON.parse(line).msg));
  }
});
