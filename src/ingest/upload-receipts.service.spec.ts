import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import type { UploadRecord, UploadStatus } from '../delivery/upload-record.js';
import type { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { ServiceError } from '../errors/service-error.js';
import type { StoredFile } from '../storage/storage-element.js';
import type { StorageElements } from '../storage/storage-elements.service.js';
import { ManualClock } from '../../test/support/manual-clock.js';
import type { StoredFileLookups } from './receipts/stored-file-lookups.service.js';
import { UploadReceipts } from './upload-receipts.service.js';

const ALICE = caller('alice', ['user']);
const MALLORY = caller('mallory', ['user']);
const AT = new Date('2026-11-20T10:00:00Z');
const STORED: StoredFile = { fileId: 'f', size: 5, sha256: 'x', uploadedBy: 'alice', uploadedAt: AT };
const ONE_DAY_MS = 86_400_000;
const AWAY = new ServiceError('QUEUE_UNAVAILABLE', 'x');
const TOO_MANY = new ServiceError('RATE_LIMITED', 'x');

let inLedger: () => Promise<UploadRecord | undefined>;
let inStorage: StoredFile | undefined;
let unverified: string[];
let refusal: ServiceError | undefined;
let lookedUp: number;
let clock: ManualClock;
let receipts: UploadReceipts;

beforeEach(() => {
  jest.spyOn(Logger.prototype, 'debug').mockImplementation(() => undefined);
  inLedger = () => Promise.resolve(undefined);
  inStorage = undefined;
  unverified = [];
  refusal = undefined;
  lookedUp = 0;
  clock = new ManualClock();
  const ledger = { find: () => inLedger(), cancel: () => inLedger() } as unknown as UploadsLedger;
  const lookups = {
    find: () => {
      lookedUp += 1;
      if (refusal) return Promise.reject(refusal);
      return Promise.resolve({ found: inStorage && { target: 'storage:a', file: inStorage }, unverified });
    },
  } as unknown as StoredFileLookups;
  const elements = { retentionPolicyAt: () => 'permanent' } as unknown as StorageElements;
  receipts = new UploadReceipts(ledger, lookups, elements, clock);
});

function caller(subject: string, roles: string[] = [], scopes: string[] = []): Caller {
  return {
    subject,
    username: null,
    clientId: null,
    roles: new Set(roles),
    scopes: new Set(scopes),
    expiresAtMs: Infinity,
  };
}

function promised(status: UploadStatus, ttlDays: number | null = null): void {
  const file = { uploadedBy: 'alice', uploadedAt: AT, ttlDays };
  const digest = { size: 5, sha256: 'x' };
  const record = { uploadId: 'id', owner: 'alice', status, file, digest, fileId: null };
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
      tags: null,
      metadata: null,
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

  it.each<UploadStatus>(['accepted', 'delivering'])(
    'believes the ledger while an upload is %s',
    async (status) => {
      promised(status);
      inStorage = STORED;
      expect((await receipts.find('id', ALICE)).receipt).toMatchObject({ status, file_id: null });
    },
  );

  it('believes the storage where it has the file of a dead letter, and no other one', async () => {
    promised('dead');
    expect((await receipts.find('id', ALICE)).receipt.status).toBe('dead');
    inStorage = { fileId: 'f', size: 5, sha256: 'x' };
    expect((await receipts.find('id', ALICE)).receipt).toMatchObject({ status: 'active', file_id: 'f' });
    for (const other of [{ sha256: 'y' }, { sha256: undefined }, { size: 6 }, { uploadedBy: 'mallory' }]) {
      inStorage = { ...STORED, ...other };
      expect((await receipts.find('id', ALICE)).receipt).toMatchObject({ status: 'dead', file_id: null });
    }
  });

  it('does not say that there is nothing while an element that may have it cannot be asked', async () => {
    unverified = ['storage:b'];
    const away = { code: 'NO_STORAGE_AVAILABLE', options: { retryAfterMs: 10_000 } };
    await expect(receipts.find('id', ALICE)).rejects.toMatchObject(away);
    await expect(receipts.cancel('id', ALICE)).rejects.toMatchObject(away);
    inStorage = STORED;
    expect((await receipts.find('id', ALICE)).receipt.status).toBe('active');
    inStorage = { ...STORED, uploadedBy: undefined };
    await expect(receipts.find('id', ALICE)).rejects.toMatchObject(away);
    inStorage = undefined;
    promised('cancelled');
    expect((await receipts.find('id', ALICE)).receipt.status).toBe('cancelled');
  });

  describe.each<[string, () => void, string]>([
    ['can all be asked', () => undefined, 'NOT_FOUND'],
    ['cannot all be asked', () => (unverified = ['storage:b']), 'NO_STORAGE_AVAILABLE'],
    ['are asked for too many already', () => (refusal = TOO_MANY), 'RATE_LIMITED'],
  ])('where the elements %s', (_, arrange, code) => {
    it.each<[string, () => void]>([
      ['nobody has', () => undefined],
      ['an element has for another', () => (inStorage = STORED)],
      ['an element has for nobody knows whom', () => (inStorage = { ...STORED, uploadedBy: undefined })],
      ['another was promised', () => promised('accepted')],
      ['another has had delivered', () => promised('active')],
      ['another has taken back', () => promised('cancelled')],
      ['another has a dead letter of', () => promised('dead')],
    ])('answers for an id that %s as for any other', async (_which, know) => {
      arrange();
      know();
      for (const asked of [receipts.find('id', MALLORY), receipts.cancel('id', MALLORY)]) {
        await expect(asked).rejects.toMatchObject({ code });
      }
      expect(lookedUp).toBe(2);
    });
  });

  it('answers for the id of another as for one that nobody has while the database is away', async () => {
    inLedger = () => Promise.reject(AWAY);
    await expect(receipts.find('id', MALLORY)).rejects.toBe(AWAY);
    inStorage = STORED;
    await expect(receipts.find('id', MALLORY)).rejects.toBe(AWAY);
  });

  it('says that a file is expired from the very moment on', async () => {
    const remembered = { description: null, tags: [], metadata: {}, retentionPolicy: 'temporary' } as const;
    const stored = { ...STORED, remembered: { ...remembered, ttlDays: 1 } };
    const both = async (): Promise<string[]> => {
      promised('active', 1);
      inStorage = undefined;
      const { receipt: delivered } = await receipts.find('id', ALICE);
      inLedger = () => Promise.resolve(undefined);
      inStorage = stored;
      return [delivered.status, (await receipts.find('id', ALICE)).receipt.status];
    };
    clock.pass(ONE_DAY_MS - 1);
    expect(await both()).toEqual(['active', 'active']);
    clock.pass(1);
    expect(await both()).toEqual(['expired', 'expired']);
    promised('active', 1);
    // The element has not removed it yet, and does not say how long it keeps files.
    inStorage = STORED;
    expect((await receipts.find('id', ALICE)).receipt.status).toBe('expired');
    inStorage = { ...STORED, uploadedAt: new Date(AT.getTime() + ONE_DAY_MS) };
    expect((await receipts.find('id', ALICE)).receipt.status).toBe('active');
  });

  it('cancels nothing whose time is over', async () => {
    promised('expired');
    await expect(receipts.cancel('id', ALICE)).rejects.toMatchObject({ code: 'UPLOAD_EXPIRED' });
    await expect(receipts.cancel('id', caller('alice'))).rejects.toMatchObject({ code: 'FORBIDDEN' });
    promised('active', 1);
    clock.pass(ONE_DAY_MS);
    await expect(receipts.cancel('id', ALICE)).rejects.toMatchObject({ code: 'UPLOAD_EXPIRED' });
  });

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
