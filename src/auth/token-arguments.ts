import { parseArgs } from 'node:util';
import type { DevelopmentTokenOptions } from './development-token.js';

const USAGE = 'Usage: npm run -s token -- --sub NAME [--role ROLE]... [--scope SCOPE]... [--ttl SECONDS]';

/** Reads the command line of `npm run token`. @throws Error that says what is wrong, and the usage. */
export function parseTokenArguments(args: readonly string[]): DevelopmentTokenOptions {
  const { sub, role, scope, ttl } = readOptions(args);
  if (!sub?.trim()) throw misuse('--sub is required');
  // Nine digits are thirty years; longer numbers are no longer dates to every library.
  if (!/^[1-9]\d{0,8}$/.test(ttl)) throw misuse(`--ttl must be a whole number of seconds, got "${ttl}"`);
  return { subject: sub, roles: role ?? [], scopes: scope ?? [], ttlSeconds: Number(ttl) };
}

interface Options {
  readonly sub?: string;
  readonly role?: string[];
  readonly scope?: string[];
  readonly ttl: string;
}

function readOptions(args: readonly string[]): Options {
  try {
    return parseArgs({
      args: [...args],
      options: {
        sub: { type: 'string' },
        role: { type: 'string', multiple: true },
        scope: { type: 'string', multiple: true },
        ttl: { type: 'string', default: '3600' },
      },
    }).values;
  } catch (error) {
    throw misuse(error instanceof Error ? error.message : String(error));
  }
}

function misuse(problem: string): Error {
  return new Error(`${problem}\n${USAGE}`);
}
