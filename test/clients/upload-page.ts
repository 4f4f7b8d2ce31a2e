import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type PageContent, type PageServer, servePages } from '../support/page-server.js';

const distOf = (name: string): string =>
  join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'dist');

export const UPLOAD_PAGE = '/upload.html';
export const PAGE_SCRIPT = '/script.js';

/**
 * Where a connection breaks that was used before, Chromium itself sends the same request again before the client hears
 * of it. What came of the first one counts, so the repeated one is told that its offset is another one.
 */
export const SENT_AGAIN = /status of 409/;

/** What comes before an example. */
export const CHOOSE_FILE = `
const input = globalThis.document.querySelector('input');
globalThis.isReady = true;
await new Promise((resolve) => input.addEventListener('change', resolve));
const [file] = input.files;`;

/** Names of packages, as pages have them that no bundler has made. */
const MODULES: Readonly<Record<string, string>> = {
  'tus-js-client': 'export const { Upload } = globalThis.tus;',
  uppy: "export { Tus, Uppy } from '/uppy.min.mjs';",
  '@uppy/core': "export { Uppy as default } from '/uppy.min.mjs';",
  '@uppy/tus': "export { Tus as default } from '/uppy.min.mjs';",
};

const importMap = JSON.stringify({
  imports: Object.fromEntries(Object.keys(MODULES).map((name) => [name, `/modules/${name}.js`])),
});

/** A page to choose a file on, with tus-js-client and Uppy as they were published. Its script is to be put there. */
export function serveUploadPage(): Promise<PageServer> {
  const modules = Object.entries(MODULES).map(([name, text]): [string, PageContent] => [
    `/modules/${name}.js`,
    { text },
  ]);
  return servePages({
    [UPLOAD_PAGE]: {
      text: `<!doctype html><title>Upload</title><input type="file">
<script src="/tus.min.js"></script>
<script type="importmap">${importMap}</script>
<script type="module" src="${PAGE_SCRIPT}"></script>`,
    },
    '/tus.min.js': { file: join(distOf('tus-js-client'), 'tus.min.js') },
    '/uppy.min.mjs': { file: join(distOf('uppy'), 'uppy.min.mjs') },
    ...Object.fromEntries(modules),
  });
}
