import { execFile } from 'node:child_process';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BadLine } from '../support/cutting-relay.js';
import { MIB } from '../support/file-bodies.js';
import { PythonPackage } from '../support/python-package.js';
import { exampleAt, examplesOf } from './documented-examples.js';

const ROOT = join(import.meta.dirname, '../..');
const PAGE = 'clients.md';
const UPLOAD_ID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

export const requests = new PythonPackage('requests', '2.34.2', 'requests');

/** Breaks off once, in the middle of the file. */
export const BREAKS_ONCE: BadLine = { cutAfterBytes: MIB, maxCuts: 1 };

/** Where examples are run, and with what. */
export interface ExampleGround {
  /** Where their service is. */
  readonly origin: string;
  readonly token: string;
  /** The one with `a.pdf`. */
  readonly folder: string;
}

/** The examples below two headings of docs/clients.md, for a service elsewhere. */
export function clientExamples(origin: string, client: string, heading: string): readonly string[] {
  return examplesOf(client, heading, PAGE).map((example) => exampleAt(origin, example));
}

/** Runs a shell script; gives what it prints. */
export const runShell = (ground: ExampleGround, script: string): Promise<string> =>
  runIn(ground, 'bash', ['-e', '-c', script]);

/** Runs a module in this version of Node, where it finds the packages that are here. */
export async function runNode(ground: ExampleGround, module: string): Promise<string> {
  await symlink(join(ROOT, 'node_modules'), join(ground.folder, 'node_modules')).catch(() => undefined);
  return runIn(ground, process.execPath, ['--input-type=module', '--eval', module]);
}

export const runPython = (ground: ExampleGround, script: string): Promise<string> =>
  runIn(ground, 'python3', ['-c', script], requests.environment);

/** The last id of an upload in what an example has printed. @throws Error where there is none */
export function printedId(output: string): string {
  const id = output.match(UPLOAD_ID)?.at(-1);
  if (id === undefined) throw new Error(`no id of an upload was printed:\n${output}`);
  return id;
}

async function runIn(
  { folder, token }: ExampleGround,
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const env = { ...environment, TOKEN: token };
  const { stdout } = await promisify(execFile)(program, args, { cwd: folder, env });
  return stdout;
}
