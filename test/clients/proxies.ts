import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';

const SAMPLES = join(import.meta.dirname, '../../deploy/proxies');
/** Where Debian has servers, which is not in the PATH of every user. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };

/** A proxy that runs by its sample in deploy/proxies. */
export interface RunningProxy {
  close(): Promise<void>;
}

/** From which port to which. */
export interface ProxyRoute {
  readonly from: number;
  readonly to: number;
}

/** A program, and how it is started by its sample. */
export interface ProxyProgram {
  readonly name: string;
  readonly versionFlag: string;
  /** Writes its configuration into a folder with `cert.pem` and `key.pem`; gives its arguments. */
  configure(folder: string, route: ProxyRoute): Promise<string[]>;
}

export const NGINX: ProxyProgram = {
  name: 'nginx',
  versionFlag: '-v',
  async configure(folder, { from, to }) {
    const sample = await adapted('nginx.conf', {
      'listen 443 ': `listen 127.0.0.1:${from} `,
      '127.0.0.1:8020': `127.0.0.1:${to}`,
      '/etc/ssl/certs/ingester.example.pem': join(folder, 'cert.pem'),
      '/etc/ssl/private/ingester.example.key': join(folder, 'key.pem'),
    });
    await writeFile(join(folder, 'ingester.conf'), sample);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    await writeFile(
      join(folder, 'nginx.conf'),
      `pid ${folder}/nginx.pid;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  include ${folder}/ingester.conf;
}
`,
    );
    return ['-c', join(folder, 'nginx.conf'), '-e', 'stderr', '-g', 'daemon off; master_process off;'];
  },
};

export const CADDY: ProxyProgram = {
  name: 'caddy',
  versionFlag: 'version',
  async configure(folder, { from, to }) {
    const sample = await adapted('Caddyfile', {
      'ingester.example {': `https://127.0.0.1:${from} {\n\ttls ${folder}/cert.pem ${folder}/key.pem`,
      '127.0.0.1:8020': `127.0.0.1:${to}`,
    });
    const file = join(folder, 'Caddyfile');
    await writeFile(
      file,
      `{\n\tadmin off\n\tauto_https disable_redirects\n\tstorage file_system ${folder}\n}\n${sample}`,
    );
    return ['run', '--adapter', 'caddyfile', '--config', file];
  },
};

/** Why it cannot be run. */
export function lackOf({ name, versionFlag }: ProxyProgram): string | undefined {
  if (spawnSync('openssl', ['version']).status !== 0) return 'there is no openssl in PATH';
  const { status } = spawnSync(name, [versionFlag], { env: ENVIRONMENT });
  return status === 0 ? undefined : `there is no ${name} in PATH`;
}

/** Starts it with TLS by a certificate of its own. @throws Error with what it said when it ends. */
export async function startProxy(program: ProxyProgram, route: ProxyRoute): Promise<RunningProxy> {
  const folder = await mkdtemp(join(tmpdir(), `ingester-${program.name}-`));
  makeCertificate(folder);
  const child = spawn(program.name, await program.configure(folder, route), {
    env: { ...ENVIRONMENT, HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = once(child, 'exit');
  await eventually(async () => {
    if (child.exitCode === null) await canConnect(route.from);
  });
  if (child.exitCode !== null) throw new Error(`${program.name} ended:\n${output}`);
  return {
    close: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A sample with other names in it. @throws Error where it does not have one of them. */
async function adapted(sample: string, names: Readonly<Record<string, string>>): Promise<string> {
  let text = await readFile(join(SAMPLES, sample), 'utf8');
  for (const [name, other] of Object.entries(names)) {
    if (!text.includes(name)) throw new Error(`deploy/proxies/${sample} does not have "${name}"`);
    text = text.replaceAll(name, other);
  }
  return text;
}

function makeCertificate(folder: string): void {
  const kind = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2'.split(' ');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
  const { status, stderr } = spawnSync('openssl', [...kind, ...subject, ...files], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl made no certificate: ${stderr}`);
}

async function canConnect(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
  } finally {
    socket.destroy();
  }
}
