import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { describeUnless } from './describe-unless.js';

const NAMES = [
  'chromium-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
  'google-chrome-stable',
];

/** A package that has a Chromium in it, for machines without apt; `npm install --no-save` brings it. */
const PACKAGE = '@sparticuz/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Errors that a browser tells of when a connection breaks; it tells of refusals and of CORS in other words. */
const BROKEN_LINE = /net::ERR_(CONNECTION_\w+|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED|NETWORK_CHANGED)\b/;

const installed = programIn(process.env.PATH ?? '');
const isPackaged = installed === undefined && hasPackage();

/** `describe`, or one that skips where there is no browser. */
export const describeInBrowser = describeUnless(
  installed === undefined && !isPackaged ? 'no Chromium is in PATH or where CHROMIUM_PATH says' : undefined,
);

/** Starts a Chromium of its own, without a window. Close it at the end. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = installed ?? (await packagedProgram());
  // Without a locale that has them, it opens no file whose name has letters beyond ASCII.
  const env = { ...process.env, LC_ALL: 'C.UTF-8' };
  return chromium.launch({ executablePath, args: FLAGS, env });
}

/**
 * Collects what a page finds wrong: errors that nobody caught, and those in its console but for broken connections and
 * what is `expected`.
 */
export function errorsOf(page: Page, expected?: RegExp): string[] {
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    const text = message.text();
    if (message.type() === 'error' && !BROKEN_LINE.test(text) && !expected?.test(text)) errors.push(text);
  });
  return errors;
}

function programIn(path: string): string | undefined {
  const named = process.env.CHROMIUM_PATH;
  if (named !== undefined) return existsSync(named) ? named : undefined;
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) =>
    existsSync(file),
  );
}

function hasPackage(): boolean {
  try {
    createRequire(import.meta.url).resolve(PACKAGE);
    return true;
  } catch {
    return false;
  }
}

/** It unpacks itself when it is asked. */
async function packagedProgram(): Promise<string> {
  const { default: packaged } = (await import(PACKAGE)) as {
    default: { executablePath(): Promise<string> };
  };
  return packaged.executablePath();
}
