// Opens the SQLite file in its argument as the service does, and then writes one number after the other, and each to
// stdout once the database has taken it: whoever kills this process knows what must be there. Says why it cannot.
import { Worker } from 'node:worker_threads';

const [path] = process.argv.slice(2);
const thread = new Worker(new URL('../../src/database/sqlite.worker.ts', import.meta.url), {
  workerData: { path },
});

function write(id) {
  const values = id === 0 ? [] : [id];
  const text = id === 0 ? 'CREATE TABLE IF NOT EXISTS numbers (n int)' : 'INSERT INTO numbers VALUES (?1)';
  thread.postMessage({ id, text, values });
}

thread.on('message', (message) => {
  if (message.kind === 'unusable' || message.kind === 'failed') {
    process.stderr.write(message.failure.message);
    process.exit(1);
  }
  if (message.kind === 'rows') process.stdout.write(`${message.id}\n`);
  write(message.kind === 'ready' ? 0 : message.id + 1);
});
