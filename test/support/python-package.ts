import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache');
const PIP_INSTALL = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
const INSTALL_MS = 120_000;

/** A package of PyPI, in a folder of its own. */
export class PythonPackage {
  private readonly home: string;
  /** What `python3` needs to find it. */
  readonly environment: NodeJS.ProcessEnv;

  /** @param module what a script imports of it */
  constructor(
    private readonly name: string,
    private readonly version: string,
    private readonly module: string,
  ) {
    this.home = join(CACHE, `${name}-${version}`);
    this.environment = { ...process.env, PYTHONPATH: this.home };
  }

  /** Has pip bring it where it is not here yet. Says why there is none. */
  async lack(): Promise<string | undefined> {
    if (await this.canImport()) return undefined;
    const folder = `${this.home}.${randomUUID()}`;
    const wanted = `${this.name}==${this.version}`;
    try {
      await run('python3', [...PIP_INSTALL, '--target', folder, wanted], { timeout: INSTALL_MS });
      await rm(this.home, { recursive: true, force: true });
      await rename(folder, this.home);
    } catch {
      await rm(folder, { recursive: true, force: true });
    }
    const reason = `there is no ${this.name}, and no python3 with pip that could bring it`;
    return (await this.canImport()) ? undefined : reason;
  }

  private async canImport(): Promise<boolean> {
    return run('python3', ['-c', `import ${this.module}`], { env: this.environment }).then(
      () => true,
      () => false,
    );
  }
}
