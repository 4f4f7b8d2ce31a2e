import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { listen, shut } from './local-server.js';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
};

/** A web server with a few pages, on a port of its own: an origin that is not the service's. */
export interface PageServer {
  readonly origin: string;
  /** Serves a path from now on; the ending of the path says its type. */
  put(path: string, content: PageContent): void;
  close(): Promise<void>;
}

/** What is served under a path: a file, or a text. */
export type PageContent = { readonly file: string } | { readonly text: string };

export async function servePages(first: Readonly<Record<string, PageContent>>): Promise<PageServer> {
  const pages = new Map(Object.entries(first));
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    const page = pages.get(path);
    if (page === undefined) {
      // A browser asks for an icon by itself, and tells of an error when there is none.
      response.writeHead(path === '/favicon.ico' ? 204 : 404).end();
      return;
    }
    void contentOf(page).then(
      (content) => response.writeHead(200, { 'Content-Type': TYPES[extname(path)] }).end(content),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  const origin = await listen(server);
  return { origin, put: (path, content) => void pages.set(path, content), close: () => shut(server) };
}

async function contentOf(page: PageContent): Promise<Buffer | string> {
  return 'text' in page ? page.text : readFile(page.file);
}
