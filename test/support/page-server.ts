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
  close(): Promise<void>;
}

/** What is served under a path: a file, or a text. */
export type PageContent = { readonly file: string } | { readonly text: string };

/** Serves these paths; the ending of a path says its type. */
export async function servePages(pages: Readonly<Record<string, PageContent>>): Promise<PageServer> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname;
    const page = pages[path];
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
  return { origin, close: () => shut(server) };
}

async function contentOf(page: PageContent): Promise<Buffer | string> {
  return 'text' in page ? page.text : readFile(page.file);
}
