import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests } from '../support/ietf-requests.js';

const LAST = { 'Upload-Complete': '?1' };
const digestField = (algorithm: string, bytes: Buffer | string): string =>
  `${algorithm}=:${createHash(algorithm.replace('-', '')).update(bytes).digest('base64')}:`;

describe("the digests of an upload of the IETF's kind", () => {
  let running: RunningApp;
  let ietf: IetfRequests;

  beforeAll(async () => {
    running = await startApp();
    ietf = new IetfRequests(running, await running.token());
  });

  afterAll(() => running.close());

  it.each([
    ['creation', 'sha-256'],
    ['creation', 'sha-512'],
    ['end', 'sha-256'],
    ['end', 'sha-512'],
  ])('declared at its %s end it when they are others, in %s', async (place, algorithm) => {
    const digest = { 'Repr-Digest': digestField(algorithm, 'other') };
    const location = await ietf.begin(place === 'creation' ? digest : {});
    const last = { ...LAST, ...(place === 'end' && digest) };
    const refused = await ietf.append(location, 0, Buffer.from('abc'), last);
    expect([refused.status, refused.body.code, refused.headers['upload-complete']]).toEqual([
      400,
      'DIGEST_MISMATCH',
      '?1',
    ]);
    expect((await ietf.head(location)).status).toBe(410);
  });

  it.each(['sha-256', 'sha-512'])('let it go on when they are those, in %s', async (algorithm) => {
    const location = await ietf.begin({ 'Repr-Digest': digestField(algorithm, 'abcdef') });
    const piece = { 'Content-Digest': digestField(algorithm, 'abc') };
    await ietf.append(location, 0, Buffer.from('abc'), piece).expect(204);
    const last = { ...LAST, 'Repr-Digest': digestField(algorithm, 'abcdef') };
    await ietf.append(location, 3, Buffer.from('def'), last).expect(201);
  });

  it.each([
    ['abcdef', 201],
    ['other', 400],
  ])('are checked when they come behind the bytes: %s', async (declared, status) => {
    const location = await ietf.begin();
    await ietf.append(location, 0, Buffer.from('abc')).expect(204);
    const client = await ietf.appendChunked(location, 3, { ...LAST, Trailer: 'Repr-Digest, Content-Digest' });
    client.send('3\r\ndef\r\n0\r\n');
    client.send(`Content-Digest: ${digestField('sha-256', 'def')}\r\n`);
    client.send(`Repr-Digest: ${digestField('sha-512', declared)}\r\n\r\n`);
    expect((await client.response()).status).toBe(status);
    client.close();
  });

  it('are told to who wants them', async () => {
    const wanted = { 'Want-Repr-Digest': 'sha-256=9, sha-512=1' };
    const location = await ietf.begin();
    const last = await ietf.append(location, 0, Buffer.from('abc'), { ...LAST, ...wanted });
    expect(last.headers['repr-digest']).toBe(digestField('sha-256', 'abc'));
    expect((await ietf.head(location, wanted)).headers['repr-digest']).toBe(digestField('sha-256', 'abc'));
    expect((await ietf.head(location)).headers['repr-digest']).toBeUndefined();
    // Another one is wanted more, and is not there.
    const other = { 'Want-Repr-Digest': 'sha-512=9, sha-256=1' };
    expect((await ietf.head(location, other)).headers['repr-digest']).toBe(digestField('sha-256', 'abc'));
    const none = { 'Want-Repr-Digest': 'sha-512=9, sha-256=0' };
    expect((await ietf.head(location, none)).headers['repr-digest']).toBeUndefined();
  });
});
