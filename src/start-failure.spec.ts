import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ConfigurationError } from './config/environment.js';
import { ManagementPortError } from './connections/management-port.js';
import { startProblems } from './start-failure.js';

describe('the reason why the service does not start', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });

  async function listenError(port: number, host: string): Promise<unknown> {
    const server = createServer();
    servers.push(server);
    const listening = once(server, 'listening');
    server.listen(port, host);
    return listening.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  it('is the host where its name is not known', async () => {
    const problems = startProblems(await listenError(0, 'no-such-host.invalid'));
    expect(problems).toEqual([
      expect.stringMatching(/^HOST: no-such-host\.invalid cannot be resolved \((ENOTFOUND|EAI_AGAIN)\)$/),
    ]);
  });

  it('is the host where this machine does not have the address', async () => {
    const problems = startProblems(await listenError(0, '192.0.2.7'));
    expect(problems).toEqual(['HOST: 192.0.2.7 cannot be listened on (EADDRNOTAVAIL)']);
  });

  it.each(['EADDRINUSE', 'EACCES'])('is the port where listening ends with %s', (code) => {
    const error = Object.assign(new Error(code), { code, syscall: 'listen', address: '::', port: 80 });
    expect(startProblems(error)).toEqual([`PORT: 80 cannot be listened on (${code})`]);
  });

  it.each([
    ['EADDRINUSE', 'MANAGEMENT_PORT: 80 cannot be listened on (EADDRINUSE)'],
    ['EADDRNOTAVAIL', 'MANAGEMENT_HOST: :: cannot be listened on (EADDRNOTAVAIL)'],
  ])('is the management port or its host where that listens with %s', (code, problem) => {
    const cause = Object.assign(new Error(code), { code, syscall: 'listen', address: '::', port: 80 });
    expect(startProblems(new ManagementPortError(cause))).toEqual([problem]);
  });

  it('is the data folder where something in it cannot be used', async () => {
    const error = await readFile('data/keys/none').catch((failure: unknown) => failure);
    expect(startProblems(error, 'data/../data')).toEqual([
      "DATA_DIR: ENOENT: no such file or directory, open 'data/keys/none'",
    ]);
    expect(startProblems(error, 'data/keys/none')).toEqual([]);
  });

  it('is each problem of the configuration', () => {
    expect(startProblems(new ConfigurationError(['PORT: one', 'HOST: two']))).toEqual([
      'PORT: one',
      'HOST: two',
    ]);
  });

  it('is none of the variables otherwise', () => {
    for (const error of [new Error('a bug'), 'thrown', undefined]) expect(startProblems(error)).toEqual([]);
  });
});
