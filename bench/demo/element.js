/*
 * A storage element of the demo, which keeps files in a folder: `node element.js <port> <folder>`. A file counts once its
 * receipt is there, so that one which is killed comes back with what it has promised, and with nothing else.
 */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import Busboy from '@fastify/busboy';

const [, , port, folder] = process.argv;
await mkdir(folder, { recursive: true });

/** The service asks for a file under its id, and decides that id itself. */
const pathOf = (fileId, ending = '') => {
  if (!/^[\w-]{1,64}$/.test(fileId)) throw new Error('this is no id of a file');
  return join(folder, fileId + ending);
};

async function keep(fileId, file, filename) {
  const hash = createHash('sha256');
  let size = 0;
  async function* counted(chunks) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  await pipeline(file, counted, createWriteStream(pathOf(fileId)));
  return { file_id: fileId, original_filename: filename, size, checksum: hash.digest('hex') };
}

async function receive(request) {
  const form = Busboy({ headers: request.headers });
  const fields = {};
  const kept = [];
  form.on('field', (name, value) => {
    fields[name] = value;
  });
  form.on('file', (_name, file, filename) => {
    const keeping = keep(fields.file_id, file, filename);
    // Whoever waits for it hears of it; this one only keeps Node from ending before.
    keeping.catch(() => form.destroy());
    kept.push(keeping);
  });
  await pipeline(request, form);
  const receipt = {
    ...(await Promise.all(kept))[0],
    content_type: 'application/octet-stream',
    uploaded_by: fields.uploaded_by_id,
    uploaded_at: new Date().toISOString(),
    status: 'active',
  };
  await writeFile(pathOf(receipt.file_id, '.new'), JSON.stringify(receipt));
  await rename(pathOf(receipt.file_id, '.new'), pathOf(receipt.file_id, '.json'));
  return receipt;
}

async function answer(request) {
  const { method, url } = request;
  if (url === '/health/ready') return [200, { status: 'ok' }];
  if (method === 'POST' && url === '/api/v1/files/upload') return [201, await receive(request)];
  const fileId = url.split('/').at(-1);
  const receipt = await readFile(pathOf(fileId, '.json'), 'utf8').catch(() => undefined);
  if (receipt === undefined) return [404, { error: { code: 'NOT_FOUND', message: 'File not found' } }];
  if (method === 'DELETE') await rm(pathOf(fileId, '.json'));
  return [200, JSON.parse(receipt)];
}

createServer((request, response) => {
  answer(request).then(
    ([status, body]) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
    () => request.destroy(),
  );
}).listen(Number(port), '127.0.0.1');
