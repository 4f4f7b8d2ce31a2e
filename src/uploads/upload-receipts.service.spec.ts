import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import type { UploadRecord, UploadStatus } from '../delivery/upload-record.js';
import type { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { ServiceError } from '../errors/service-error.js';
import type { StoredFile } from '../storage/storage-element.js';
import type { StorageElements } from '../storage/storage-elements.service.js';
import type { StorageGateway } from '../storage/storage-gateway.service.js';
import { UploadReceipts } from './upload-receipts.service.js';

const ALICE = caller('alice', ['user']);
const AT = new Date('2026-11-20T10:00:00Z');
const STORED: StoredFile = { fileId: 'f', size: 5, sha256: 'x', uploadedBy: 'alice', uploadedAt: AT };
const AWAY = new ServiceError('QUEUE_UNAVAILABLE', 'x');

let inLedger: () => Promise<UploadRecord | undefined>;
let inStorage: StoredFile | undefined;
let receipts: UploadReceipts;

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'debug').mockImplementation(() => undefined);
  inLedger = () => Promise.resolve(undefined);
  inStorage = undefined;
  const ledger = { find: () => inLedger(), cancel: () => inLedger() } as unknown as UploadsLedger;
  const storage = {
    find: () => Promise.resolve(inStorage && { target: 'storage:a', file: inStorage }),
  } as unknown as StorageGateway;
  const elements = { retentionPolicyAt: () => 'permanent' } as unknown as StorageElements;
  receipts = new UploadReceipts(ledger, storage, elements);
});

function caller(subject: string, roles: string[] = [], scopes: string[] = []): Caller {
  return { subject, username: null, clientId: null, roles: new Set(roles), scopes: new Set(scopes) };
}

function promised(status: UploadStatus): void {
  const file = { uploadedBy: 'alice', uploadedAt: AT, ttlDays: null };
  const record = { uploadId: 'id', status, file, digest: { size: 5, sha256: 'x' }, fileId: null };
  inLedger = () => Promise.resolve(record as unknown as UploadRecord);
}

describe('UploadReceipts', () => {
  it('knows a file that went straight through from its element', async () => {
    inStorage = STORED;
    const { receipt, record } = await receipts.find('id', ALICE);
    expect(receipt).toEqual({
      upload_id: 'id',
      file_id: 'f',
      original_filename: 'unnamed',
      content_type: 'application/octet-stream',
      size: 5,
      checksum: 'x',
      uploaded_by: 'alice',
      uploaded_at: '2026-11-20T10:00:00.000Z',
      description: null,
      tags: [],
      metadata: {},
      status: 'active',
      retention_policy: 'permanent',
      ttl_days: null,
      expires_at: null,
    });
    expect(record).toBeUndefined();
  });

  it.each(['uploadedBy', 'uploadedAt', 'sha256'] as const)(
    'finds nothing where the element forgot %s',
    async (member) => {
      inStorage = { ...STORED, [member]: undefined };
      await expect(receipts.find('id', caller('root', ['admin']))).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    },
  );

  it('finds what is stored also while the database is away, and says so where it finds nothing', async () => {
    inLedger = () => Promise.reject(AWAY);
    await expect(receipts.find('id', ALICE)).rejects.toBe(AWAY);
    inStorage = STORED;
    expect((await receipts.find('id', ALICE)).receipt.status).toBe('active');
  });

  it.each<UploadStatus>(['cancelled', 'expired'])(
    'believes the storage where an upload was %s',
    async (status) => {
      promised(status);
      expect((await receipts.find('id', ALICE)).receipt.status).toBe(status);
      inStorage = STORED;
      expect((await receipts.find('id', ALICE)).receipt).toMatchObject({ status: 'active', file_id: 'f' });
    },
  );

  it.each<UploadStatus>(['accepted', 'delivering', 'dead'])(
    'believes the ledger while an upload is %s',
    async (status) => {
      promised(status);
      inStorage = STORED;
      expect((await receipts.find('id', ALICE)).receipt).toMatchObject({ status, file_id: null });
    },
  );

  it.each([
    ['its owner', ALICE, true],
    ['its owner without any right', caller('alice'), true],
    ['an admin', caller('root', ['admin']), true],
    ['one who may look at everything', caller('auditor', [], ['admin:read']), true],
    ['an operator', caller('op', ['operator']), false],
    ['somebody else', caller('mallory', ['user'], ['files:write']), false],
  ])('shows a receipt to %s: %p', async (_, who, shown) => {
    promised('accepted');
    const finding = receipts.find('id', who);
    if (shown) expect((await finding).receipt.upload_id).toBe('id');
    else await expect(finding).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it.each([
    ['its owner', ALICE, undefined],
    ['its owner without the right to upload', caller('alice'), 'FORBIDDEN'],
    ['an admin', caller('root', [], ['admin:write']), undefined],
    ['one who may look at everything', caller('auditor', ['user'], ['admin:read']), 'FORBIDDEN'],
    ['somebody else', caller('mallory', ['user']), 'NOT_FOUND'],
  ])('lets %s cancel, or not: %p', async (_, who, code) => {
    promised('cancelled');
    const cancelling = receipts.cancel('id', who);
    if (code === undefined) expect((await cancelling).status).toBe('cancelled');
    else await expect(cancelling).rejects.toMatchObject({ code });
  });

  it('cancels nothing that is stored', async () => {
    promised('active');
    await expect(receipts.cancel('id', ALICE)).rejects.toMatchObject({ code: 'CONFLICT' });
    inLedger = () => Promise.resolve(undefined);
    inStorage = STORED;
    await expect(receipts.cancel('id', ALICE)).rejects.toMatchObject({ code: 'CONFLICT' });
  });
});
