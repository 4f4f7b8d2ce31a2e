import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';
import { freePort } from './postgres-server.js';

const PROGRAM = process.env.PGBOUNCER ?? 'pgbouncer';

/** Is there one, in `PATH` or where the variable `PGBOUNCER` says? */
export const hasPgbouncer = spawnSync(PROGRAM, ['--version']).status === 0;

/** Connections to one database of the server, for all clients together. */
export const SERVER_CONNECTIONS = 3;

/** A pooler in front of the server of the run, that lends its connections for a transaction each. */
export interface Pgbouncer {
  /** Where to find a database through the pooler, of its URL at the server. */
  through(url: string): string;
  dispose(): Promise<void>;
}

/** Starts one for all databases of the server of `serverUrl`. @throws Error with what it said when it does not listen */
export async function startPgbouncer(serverUrl: string): Promise<Pgbouncer> {
  const folder = await mkdtemp(join(tmpdir(), 'ingester-pgbouncer-'));
  const port = await freePort();
  const configuration = join(folder, 'pgbouncer.ini');
  await writeFile(configuration, configurationOf(new URL(serverUrl), port));
  // It refuses to run as root; the test server has made this user for the same reason.
  const asUser = userInfo().uid === 0 ? ['-u', 'postgres'] : [];
  const child = spawn(PROGRAM, [...asUser, configuration], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = once(child, 'exit');
  await eventually(async () => {
    if (child.exitCode !== null) return;
    await canConnect(port);
  });
  if (child.exitCode !== null) throw new Error(`pgbouncer ended:\n${output}`);
  return {
    through: (url) => Object.assign(new URL(url), { host: `127.0.0.1:${port}` }).href,
    dispose: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Connections take turns, so that what a client leaves in one of them is met by another. */
function configurationOf({ hostname, port, username, password }: URL, listenPort: number): string {
  return `[databases]
* = host=${hostname} port=${port || '5432'} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${SERVER_CONNECTIONS}
max_client_conn = 200
server_round_robin = 1
`;
}

async function canConnect(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
