import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, it } from '@jest/globals';
import { createSha256Ring, IN_SLOT } from './sha256-ring.js';

/** What a thread runs first, to whom the system refuses the call as a seccomp filter does. */
const REFUSAL = `data:text/javascript,${encodeURIComponent(`
  import os from 'node:os';
  import { syncBuiltinESMExports } from 'node:module';
  os.setPriority = () => {
    throw Object.assign(new Error('EPERM: operation not permitted'), { code: 'ERR_SYSTEM_ERROR' });
  };
  syncBuiltinESMExports();
`)}`;

it('hashes also where it may not have a priority of its own', async () => {
  const ring = createSha256Ring();
  const content = Buffer.from('hello');
  content.copy(ring.bytes);
  ring.owner[0] = 1;
  ring.length[0] = content.length;
  ring.owner[1] = 1;
  ring.descriptor.fill(IN_SLOT, 0, 2);
  Atomics.store(ring.published, 0, 2);
  const worker = new Worker(new URL('./sha256.worker.ts', import.meta.url), {
    workerData: ring,
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', REFUSAL],
  });
  try {
    const [message] = await once(worker, 'message');
    const digest = createHash('sha256').update(content).digest('hex');
    expect(message).toEqual({ owner: 1, digest });
  } finally {
    await worker.terminate();
  }
});
