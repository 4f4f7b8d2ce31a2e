import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { withoutEndSlashes } from '../config/end-slashes.js';
import type { Environment } from '../config/environment.js';
import type { Page } from '../observability/page.js';
import { serviceVersion } from '../observability/service-version.js';
import { signInSettings } from './sign-in-settings.js';

/** Where the build puts what `src/pages` is compiled to. */
const FOLDER = fileURLToPath(new URL('../pages', import.meta.url));

/** What pages sign in with, as its package has it, and the name that they know it by. */
const SIGN_IN_LIBRARY = 'oauth4webapi';
const SIGN_IN_LIBRARY_PATH = 'shared/oauth4webapi.js';

const TYPES: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.html': 'text/html; charset=utf-8',
};

/** Is the page there? In production only where it is asked for. */
export type PageSwitch = 'CONSOLE_ENABLED' | 'UPLOAD_PAGE_ENABLED';

/**
 * The files of the pages, which are read when the first of them is asked for, and stay in memory: they are few and small. All
 * of them stand below one hash, so that a browser keeps them for good, and never mixes those of two versions.
 */
@Injectable()
export class PageFiles {
  private files: ReadonlyMap<string, Page> | undefined;
  private hash = '';

  constructor(private readonly config: ConfigService<Environment, true>) {}

  isServed(name: PageSwitch): boolean {
    return (
      this.config.get(name, { infer: true }) ?? this.config.get('NODE_ENV', { infer: true }) !== 'production'
    );
  }

  /** A file that pages name, such as `console/main.js`, of the version with that hash; undefined where there is none. */
  asset(hash: string, path: string): Page | undefined {
    const file = this.all().get(path);
    return hash === this.hash && file?.type !== TYPES['.html'] ? file : undefined;
  }

  /** The document of a page, with the addresses of its files in it; undefined where it was not built. */
  document(page: 'console' | 'upload'): Page | undefined {
    const file = this.all().get(`${page}/index.html`);
    if (!file) return undefined;
    const names: Readonly<Record<string, string>> = {
      base: this.base,
      assets: `${this.base}/console/assets/${this.hash}`,
      version: serviceVersion(),
      signIn: this.signIn,
    };
    const text = file.body.toString().replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => names[name] ?? '');
    return { ...file, body: Buffer.from(text) };
  }

  /** What a proxy in front takes off the path: pages have to name it. */
  private get base(): string {
    const publicUrl = this.config.get('PUBLIC_URL', { infer: true });
    const path = publicUrl === undefined ? '' : withoutEndSlashes(new URL(publicUrl).pathname);
    return path.replaceAll(/["&<>]/g, (sign) => encodeURIComponent(sign));
  }

  /** How people sign in, as the value of an attribute; empty where they do not. */
  private get signIn(): string {
    const settings = signInSettings(this.config);
    if (!settings) return '';
    return JSON.stringify(settings).replaceAll(/["&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);
  }

  private all(): ReadonlyMap<string, Page> {
    if (this.files) return this.files;
    const names = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).toSorted();
    const sources = names.map((name) => [relative('.', name).split(sep).join('/'), join(FOLDER, name)]);
    if (signInSettings(this.config))
      sources.push([SIGN_IN_LIBRARY_PATH, fileURLToPath(import.meta.resolve(SIGN_IN_LIBRARY))]);
    const files = new Map<string, Page>();
    const hash = createHash('sha256');
    for (const [path = '', source = ''] of sources) {
      const type = TYPES[extname(path)];
      if (type === undefined) continue;
      const body = readFileSync(source);
      files.set(path, { status: 200, type, body });
      hash.update(`${path}\0${body.length}\0`).update(body);
    }
    this.hash = hash.digest('hex').slice(0, 16);
    this.files = files;
    return files;
  }
}
