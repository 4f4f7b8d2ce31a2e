import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Caller } from '../../src/auth/caller.js';
import { DigestCheck } from '../../src/body/digest-check.js';
import { UploadPipeline } from '../../src/ingest/upload-pipeline.service.js';
import { type AcceptingService, metric, sha256, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { type PiecedUpload, PiecesProtocol } from './pieces-protocol.js';

const ALICE: Caller = {
  subject: 'alice',
  username: null,
  clientId: null,
  roles: new Set(),
  scopes: new Set(['files:write']),
  expiresAtMs: Infinity,
};

describe('a protocol that only this file knows, and that has nothing to do with HTTP', () => {
  let service: AcceptingService;
  let pieces: PiecesProtocol;

  async function start(variables: Record<string, string> = {}, isUp = true): Promise<void> {
    service = await startAccepting(variables);
    if (isUp) service.element.options.fault = undefined;
    pieces = new PiecesProtocol(service.running.app.get(UploadPipeline, { strict: false }));
  }

  afterEach(() => service.close());

  /** Brings all of it but the last word. */
  async function bring(upload: PiecedUpload, bytes: Buffer): Promise<void> {
    let offset = 0;
    while (offset < bytes.length)
      offset = await upload.append(offset, bytes.subarray(offset, offset + 100_000));
  }

  const endOf = (outcome: string): Promise<number | undefined> =>
    metric(service, `upload_requests_total{route="pieces",outcome="${outcome}"}`);

  it.each([1_000, 3_000_000])(
    'has a file of %d bytes stored, with receipt, hash and metrics',
    async (size) => {
      await start();
      const bytes = randomBytes(size);
      const upload = pieces.create(ALICE, { filename: 'a.bin', contentType: 'image/png' });
      await bring(upload, bytes);
      expect(await metric(service, 'upload_inflight')).toBe(1);
      expect(await upload.complete()).toMatchObject({
        outcome: 'stored',
        receipt: { upload_id: upload.id, original_filename: 'a.bin', checksum: sha256(bytes), size },
      });
      const stored = { sha256: sha256(bytes) };
      expect([...service.element.files.values()]).toMatchObject([stored]);
      expect(await endOf('stored')).toBe(1);
      expect(await (await service.call(`/api/v1/files/${upload.id}`)).json()).toMatchObject({ size });
    },
  );

  it.each([
    ['no storage element takes it', {}],
    ['that is asked for', { wantsAsync: true }],
  ])('has a file kept and delivered later where %s, with its events', async (_, head) => {
    await start({}, false);
    const bytes = randomBytes(500_000);
    const upload = pieces.create(ALICE, head);
    await bring(upload, bytes);
    expect(await upload.complete()).toMatchObject({ outcome: 'accepted', receipt: { status: 'accepted' } });
    service.element.options.fault = undefined;
    await service.untilStatus(upload.id, 'active');
    expect([...service.element.files.values()]).toMatchObject([{ sha256: sha256(bytes) }]);
    const events = await service.call(`/api/v1/files/${upload.id}/events`);
    expect(await events.text()).toContain('"status":"active"');
    await eventually(async () => expect(await service.spooled()).toEqual([]));
  });

  it('is admitted and limited as every other one', async () => {
    const limits = {
      MAX_FILE_BYTES: '250000',
      MAX_UPLOADS_PER_CALLER: '1',
      ALLOWED_MEDIA_TYPES: 'image/jpeg',
    };
    await start(limits);
    const first = pieces.create(ALICE, { contentType: 'image/jpeg' });
    await expect(pieces.create(ALICE).result).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await expect(bring(first, randomBytes(200_000))).rejects.toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
    });
    await expect(first.result).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
    const jpeg = Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), randomBytes(300_000)]);
    const second = pieces.create(ALICE, { contentType: 'image/jpeg' });
    await expect(bring(second, jpeg)).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
    await expect(second.result).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
    const third = pieces.create(ALICE, { contentType: 'text/plain' });
    await expect(third.result).rejects.toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
    expect(service.element.files.size).toBe(0);
    expect(await endOf('rejected')).toBe(4);
  });

  it('leaves nothing behind where nobody brings the rest, or its digest is wrong', async () => {
    await start({ SPOOL_SPARE_BYTES: '0' });
    const left = pieces.create(ALICE);
    await bring(left, randomBytes(2_000_000));
    left.leave();
    await expect(left.result).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
    const wrong = pieces.create(ALICE, {
      digests: new DigestCheck({ make: [], declared: () => [{ algorithm: 'sha256', hex: '0'.repeat(64) }] }),
    });
    await bring(wrong, randomBytes(2_000_000));
    await expect(wrong.complete()).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    await eventually(async () => expect(await service.spooled()).toEqual([]));
    expect(service.element.files.size).toBe(0);
    expect([await endOf('client_abort'), await endOf('rejected')]).toEqual([1, 1]);
  });
});
