import { readFileSync } from 'node:fs';
import { z } from 'zod';

export const SERVICE_NAME = 'ingester';

const packageFile = z.object({ version: z.string() });
let version: string | undefined;

/** The version in package.json, read once. */
export function serviceVersion(): string {
  version ??= packageFile.parse(
    JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')),
  ).version;
  return version;
}
