import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { BodySources } from '../../src/body/body-sources.service.js';
import type { SpooledBody } from '../../src/body/spooled/spooled-body.js';
import { MemoryBudget } from '../../src/body/memory-budget.js';
import { SpoolFolder } from '../../src/body/spool-folder.service.js';
import { LiveMemory } from '../support/live-memory.js';
import { inLongRun } from '../support/long-run.js';

const MIB = 1024 * 1024;
/** What one body may hold in memory; all sizes are multiples of it, and that of production is for a long run. */
const MEMORY_BYTES = inLongRun(MIB, MIB / 4);
const CHUNK_BYTES = 64 * 1024;
const CHUNKS = MEMORY_BYTES / CHUNK_BYTES;
const never = new AbortController().signal;
const pattern = Buffer.from(Array.from({ length: CHUNK_BYTES + 4099 }, (_, index) => (index * 7919) >>> 3));

/** Other bytes for every chunk, in memory of their own, as those of a socket. */
function chunkAt(index: number): Buffer {
  const start = (index * 31) % 4099;
  return Buffer.copyBytesFrom(pattern, start, CHUNK_BYTES);
}

function digestOf(chunks: number): string {
  const hash = createHash('sha256');
  for (let index = 0; index < chunks; index += 1) hash.update(chunkAt(index));
  return hash.digest('hex');
}

async function send(body: SpooledBody, chunks: number, onChunk?: (index: number) => void): Promise<void> {
  for (let index = 0; index < chunks; index += 1) {
    body.write(chunkAt(index));
    onChunk?.(index);
    await body.whenWritable;
    await turn();
  }
  body.end();
}

/** What a target does with each attempt in turn. */
type Behaviour = (request: IncomingMessage, response: ServerResponse) => void;

const resetAfter =
  (bytes: number): Behaviour =>
  (incoming) => {
    let got = 0;
    incoming
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        got += chunk.length;
        if (got >= bytes) incoming.socket.resetAndDestroy();
      });
  };

const unavailable: Behaviour = (incoming, response) => {
  incoming.resume().on('end', () => response.writeHead(503).end());
};

const store: Behaviour = (incoming, response) => {
  const hash = createHash('sha256');
  incoming.on('data', (chunk: Buffer) => hash.update(chunk));
  incoming.on('end', () => response.writeHead(201).end(hash.digest('hex')));
};

describe('a body that is sent more than once', () => {
  let path: string;
  let folder: SpoolFolder;
  let budget: MemoryBudget;
  let sources: BodySources;

  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'body-source-'));
    folder = new SpoolFolder({ path, limitBytes: 0 });
    budget = new MemoryBudget(64 * MEMORY_BYTES);
    sources = new BodySources({ memoryBytes: MEMORY_BYTES, budget, folder });
  });

  afterEach(() => rm(path, { recursive: true }));

  async function expectNothingLeft(): Promise<void> {
    expect(await readdir(path)).toEqual([]);
    expect(budget.usedBytes).toBe(0);
  }

  /** The answer of the target that takes the body at last, after one attempt for each behaviour. */
  async function deliver(body: SpooledBody, behaviours: Behaviour[]): Promise<string> {
    const server = createServer((incoming, response) => behaviours.shift()?.(incoming, response));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const agent = new Agent();
    try {
      for (;;) {
        const options = { method: 'POST', body: body.open(0, never), dispatcher: agent } as const;
        const { port } = server.address() as AddressInfo;
        const answer = await request(`http://127.0.0.1:${port}`, options).catch(() => undefined);
        const text = (await answer?.body.text()) ?? '';
        if (answer?.statusCode === 201) return text;
      }
    } finally {
      await agent.destroy();
      server.closeAllConnections();
      server.close();
    }
  }

  it('arrives whole after a reset in the middle and a 503, in little memory', async () => {
    const warmUp = sources.begin();
    await Promise.all([send(warmUp, 5 * CHUNKS), deliver(warmUp, [store])]);
    await warmUp.dispose();
    const memory = new LiveMemory();
    const sampled = (behaviour: Behaviour): Behaviour => {
      return (incoming, response) => {
        behaviour(incoming, response);
        let got = 0;
        incoming.on('data', (chunk: Buffer) => {
          got += chunk.length;
          if (got < 10 * MEMORY_BYTES) return;
          got = 0;
          memory.sample();
        });
      };
    };
    const body = sources.begin();
    const sent = send(body, 25 * CHUNKS);
    const digest = await deliver(body, [resetAfter(12 * MEMORY_BYTES), unavailable, store].map(sampled));
    await sent;
    memory.sample();
    expect(digest).toBe(digestOf(25 * CHUNKS));
    expect(body.committedBytes()).toBe(25 * MEMORY_BYTES);
    await body.dispose();
    await expectNothingLeft();
    expect(memory.grownBytes).toBeLessThan(24 * MEMORY_BYTES);
  });

  it('is kept 200 times at once in bounded memory, while no target takes a byte', async () => {
    const bodies = Array.from({ length: 200 }, () => sources.begin());
    const readers = bodies.map((body) => body.open(0, never));
    for (const reader of readers) reader.read(0);
    const memory = new LiveMemory();
    let mostCounted = 0;
    const watch = (index: number): void => {
      mostCounted = Math.max(mostCounted, budget.usedBytes);
      if (index % (2 * CHUNKS) === CHUNKS) memory.sample();
    };
    await Promise.all(bodies.map((body, index) => send(body, 5 * CHUNKS, index === 0 ? watch : undefined)));
    memory.sample();
    expect(folder.usage().files).toBe(200);
    expect(mostCounted).toBeLessThan(64 * MEMORY_BYTES + 200 * CHUNK_BYTES);
    const expected = digestOf(5 * CHUNKS);
    for (const reader of readers) {
      const hash = createHash('sha256');
      for await (const chunk of reader) hash.update(chunk as Buffer);
      expect(hash.digest('hex')).toBe(expected);
    }
    await Promise.all(bodies.map((body) => body.dispose()));
    await expectNothingLeft();
    expect(memory.grownBytes).toBeLessThan(64 * MEMORY_BYTES + 200 * 3 * CHUNK_BYTES);
  }, 120_000);
});
