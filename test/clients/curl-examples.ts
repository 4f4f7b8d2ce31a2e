import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import type { UploadFixture } from './upload-fixture.js';

/** Waits are shorter than they are printed. */
const SHORT_WAITS = 'sleep() { command sleep 0.05; }\n';
/** Says where the upload is, on a line of its own. */
const SAY_LOCATION = '\nprintf "\\nLOCATION %s\\n" "$LOCATION"\n';

/** Chapters of docs/resumable.md that have examples for curl. */
export const PROTOCOLS = ['Resumable Uploads for HTTP (IETF)', 'tus 1.0'];

const { stdout: about } = spawnSync('curl', ['--version'], { encoding: 'utf8' });
const version = /^curl (\d+)\.(\d+)/.exec(about ?? '');

/** Why the examples cannot be run. */
export const lackOfCurl =
  version !== null && Number(version[1]) * 1000 + Number(version[2]) >= 7084
    ? undefined
    : 'there is no curl, or one before 7.84';
export const lackOfHttp2 = lackOfCurl ?? (/\bHTTP2\b/.test(about) ? undefined : 'curl does not know HTTP/2');

/** What examples print that are run one after the other in one shell, and where the upload is. */
export async function runCurlExamples(
  { file, token }: UploadFixture,
  examples: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ output: string; url: string }> {
  const { stdout } = await promisify(execFile)(
    'bash',
    ['-e', '-c', SHORT_WAITS + examples.join('\n') + SAY_LOCATION],
    { cwd: file.folder, env: { ...process.env, TOKEN: token, ...variables } },
  );
  return { output: stdout, url: /^LOCATION (.*)$/m.exec(stdout)?.[1] ?? '' };
}
