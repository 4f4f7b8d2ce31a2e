import { createHash, randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Agent, request } from 'undici';
import { type RunningApp, startApp } from '../support/app.js';
import { LiveMemory } from '../support/live-memory.js';
import { inLongRun } from '../support/long-run.js';
import { onlyStoredContent } from '../support/stored-files.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const APPENDS = inLongRun(10_000, 300);
/** Until everything is loaded and compiled. */
const WARM_UP = 100;
/** Three hundred bytes for each of 10 000 appends would be more. */
const NOISE_BYTES = 3 * 1024 * 1024;

describe(`${APPENDS} appends of one byte to one upload`, () => {
  let running: RunningApp;
  let tus: TusRequests;
  let agent: Agent;
  let token: string;

  beforeAll(async () => {
    running = await startApp();
    token = await running.token();
    tus = new TusRequests(running, token);
    agent = new Agent({ connections: 1 });
  });
  afterAll(async () => {
    await agent.close();
    await running.close();
  });

  /** Over one connection, as most of the time goes by making others. */
  async function append(location: string, offset: number, body: Buffer): Promise<[number, unknown]> {
    const { statusCode, headers } = await request(new URL(pathOf(location), running.url), {
      method: 'PATCH',
      dispatcher: agent,
      headers: {
        Authorization: `Bearer ${token}`,
        'Tus-Resumable': '1.0.0',
        'Upload-Offset': String(offset),
        'Content-Type': 'application/offset+octet-stream',
      },
      body,
    });
    return [statusCode, headers['upload-offset']];
  }

  it('become one file, with one segment and no more memory', async () => {
    const bytes = randomBytes(WARM_UP + APPENDS);
    const location = await tus.begin(bytes.length);
    const appendUpTo = async (from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at += 1) {
        const answer = await append(location, at, bytes.subarray(at, at + 1));
        expect(answer).toEqual([204, String(at + 1)]);
      }
    };
    await appendUpTo(0, WARM_UP);
    const memory = new LiveMemory();
    await appendUpTo(WARM_UP, bytes.length - 1);
    memory.sample();
    expect(memory.grownBytes).toBeLessThan(NOISE_BYTES);
    const folder = join(running.dataDir, 'spool', 'uploads', pathOf(location).split('/').at(-1) ?? '');
    expect((await readdir(folder)).toSorted()).toEqual(['1-0.seg', 'info']);
    await appendUpTo(bytes.length - 1, bytes.length);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'active', checksum: sha256 });
    expect((await onlyStoredContent(running.dataDir)).equals(bytes)).toBe(true);
  });
});
