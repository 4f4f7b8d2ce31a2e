import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

describe('the management port of a process', () => {
  const services: ServiceProcess[] = [];

  afterEach(async () => {
    for (const service of services.splice(0)) await service.dispose();
  });

  async function start(variables: Record<string, string>): Promise<ServiceProcess> {
    const service = await startServiceProcess({ NODE_ENV: 'development', ...variables });
    services.push(service);
    return service;
  }

  it('tells that the service is shutting down until the drain is over, and closes then', async () => {
    const service = await start({ MANAGEMENT_PORT: '0', SHUTDOWN_DRAIN_DELAY_MS: '3000' });
    await service.port();
    const port = /"management_port":(\d+)/.exec(service.output())?.[1];
    const status = async (path: string): Promise<number> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).status;
    expect(await status('/health/ready')).toBe(200);
    service.child.kill('SIGTERM');
    await eventually(async () => expect(await status('/health/ready')).toBe(503));
    expect(await status('/health/live')).toBe(200);
    expect(await status('/metrics')).toBe(200);
    expect(await service.exitCode()).toBe(0);
    await expect(status('/health/live')).rejects.toThrow('fetch failed');
  });

  it('is named in one line where it is taken, and the process exits', async () => {
    const first = await start({});
    const MANAGEMENT_PORT = String(await first.port());
    const second = await start({ MANAGEMENT_PORT, LOG_LEVEL: 'error' });
    expect(await second.exitCode()).toBe(1);
    expect(JSON.parse(second.output())).toMatchObject({
      msg: `the service does not start: MANAGEMENT_PORT: ${MANAGEMENT_PORT} cannot be listened on (EADDRINUSE)`,
    });
  });
});
