import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, startProgram, startServer } from '../processes.js';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { config } = JSON.parse(await readFile(here('../../package.json'), 'utf8'));
const IDS = ['se-1', 'se-2'];

/** Waits that are seconds in production are shorter here, so that something is to be seen within a minute. */
const SHORT_WAITS = {
  STORAGE_RETRY_ATTEMPTS: '2',
  STORAGE_CIRCUIT_FAILURE_THRESHOLD: '3',
  STORAGE_CIRCUIT_RECOVERY_MS: '2000',
  STORAGE_CIRCUIT_MAX_RECOVERY_MS: '2000',
  DELIVERY_BACKOFF_BASE_MS: '200',
  DELIVERY_BACKOFF_MAX_MS: '1000',
  REPORT_MAX_AGE_MS: '0',
  SHUTDOWN_DRAIN_DELAY_MS: '0',
  SHUTDOWN_GRACE_MS: '2000',
};

/** The built service with two storage elements behind HTTP, each a process of its own, in a folder for the time of the demo. */
export class World {
  #elements = new Map();
  #ports = new Map();

  static async start() {
    const world = new World();
    world.folder = await mkdtemp(join(tmpdir(), 'ingester-demo-'));
    try {
      for (const id of IDS) {
        world.#ports.set(id, await freePort());
        await world.revive(id);
      }
      await world.#startService();
    } catch (error) {
      await world.stop();
      throw error;
    }
    return world;
  }

  get url() {
    return `http://127.0.0.1:${this.service.port}`;
  }

  get logFile() {
    return join(this.folder, 'service.log');
  }

  /** As with the power switch. */
  async kill(id) {
    await this.#elements.get(id)?.kill();
    this.#elements.delete(id);
  }

  /** Starts an element where it was, with what it has. */
  async revive(id) {
    const port = this.#ports.get(id);
    const files = join(this.folder, id);
    const logFile = join(this.folder, `${id}.log`);
    const argumentsFor = () => [here('./element.js'), String(port), files];
    this.#elements.set(id, await startProgram({ program: process.execPath, argumentsFor, port, logFile }));
  }

  /** Which file is at which elements: their digests, read from the bytes that are there. */
  async digests() {
    const found = new Map();
    for (const id of IDS) {
      const folder = join(this.folder, id);
      const receipts = (await readdir(folder)).filter((name) => name.endsWith('.json'));
      for (const fileId of receipts.map((name) => name.slice(0, -'.json'.length))) {
        const hash = createHash('sha256');
        await pipeline(createReadStream(join(folder, fileId)), hash);
        found.set(fileId, [...(found.get(fileId) ?? []), hash.digest('hex')]);
      }
    }
    return found;
  }

  async stop() {
    await this.service?.stop();
    await Promise.all(IDS.map((id) => this.kill(id)));
    await rm(this.folder, { recursive: true, force: true });
  }

  async #startService() {
    const elements = IDS.map((id, index) => ({
      id,
      driver: 'http',
      url: `http://127.0.0.1:${this.#ports.get(id)}`,
      mode: 'edit',
      priority: index + 1,
    }));
    const env = {
      NODE_ENV: 'development',
      HOST: '127.0.0.1',
      DATA_DIR: join(this.folder, 'data'),
      STORAGE_ELEMENTS: JSON.stringify(elements),
      LOG_FORMAT: 'json',
      ...SHORT_WAITS,
    };
    this.service = await startServer({
      script: here('../../dist/main.js'),
      nodeArgs: config.v8Flags.split(' '),
      env,
      cwd: this.folder,
      logFile: this.logFile,
    });
    const words = [here('../../dist/token.js'), '--sub', 'olga', '--role', 'admin'];
    const { stdout } = await promisify(execFile)(process.execPath, words, {
      cwd: this.folder,
      env: { PATH: process.env.PATH, ...env },
    });
    this.token = stdout.trim();
  }
}
