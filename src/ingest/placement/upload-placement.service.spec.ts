import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Deliveries } from '../../delivery/deliveries.service.js';
import type { Acceptance } from '../../delivery/delivery-promises.service.js';
import type { UploadRecord, UploadStatus } from '../../delivery/upload-record.js';
import type { UploadsLedger } from '../../delivery/uploads-ledger.service.js';
import type { ErrorCode } from '../../errors/catalogue.js';
import { ServiceError } from '../../errors/service-error.js';
import { Metrics } from '../../observability/metrics.service.js';
import type { FileDescription } from '../../storage/storage-element.js';
import type { PlacedFile, PutCall, StorageGateway } from '../../storage/storage-gateway.service.js';
import { UploadPlacement } from './upload-placement.service.js';
import type { FileToPlace } from '../file-to-place.js';
import { TargetFailure } from '../../outbound/target-failure.js';

const FILE = { fileId: 'id', retentionPolicy: 'temporary' } as FileDescription;
const PLACED: PlacedFile = { target: 'storage:a', file: { fileId: 'id', size: 5 } };
const DOWN = new ServiceError('STORAGE_FAILED', 'down');
const never = new Promise<never>(() => undefined);

const failure = (code: ErrorCode): ServiceError => new ServiceError(code, 'x');
const record = (status: UploadStatus): UploadRecord => ({ uploadId: 'id', status }) as UploadRecord;

/** What the neighbours do, and what they were asked to. */
let put: (call: PutCall) => Promise<PlacedFile>;
let accept: () => Promise<UploadRecord>;
let admit: () => void;
let accepted: Acceptance[];
let removed: string[];
let cancelled: string[];
let followUp: () => Promise<boolean>;
let metrics: Metrics;
let placement: UploadPlacement;

beforeEach(() => {
  for (const level of ['warn', 'error'] as const) {
    jest.spyOn(Logger.prototype, level).mockImplementation(() => undefined);
  }
  put = () => Promise.reject(DOWN);
  accept = () => Promise.resolve(record('accepted'));
  admit = () => undefined;
  followUp = () => Promise.reject(failure('QUEUE_UNAVAILABLE'));
  accepted = [];
  removed = [];
  cancelled = [];
  metrics = new Metrics();
  const storage = {
    putCall: () => ({ targets: ['storage:a', 'storage:b'], file: FILE }) as unknown as PutCall,
    put: (call: PutCall) => put(call),
    remove: ({ fileId }: { fileId: string }) => Promise.resolve(void removed.push(fileId)),
  } as unknown as StorageGateway;
  const deliveries = {
    admit: () => admit(),
    release: () => undefined,
    accept: (acceptance: Acceptance) => accept().finally(() => accepted.push(acceptance)),
    followUp: () => followUp(),
  } as unknown as Deliveries;
  const ledger = {
    cancel: (id: string) => Promise.resolve(void cancelled.push(id)),
  } as unknown as UploadsLedger;
  placement = new UploadPlacement(storage, deliveries, ledger, metrics);
});

function upload(body: object = {}, rest: Partial<FileToPlace> = {}): FileToPlace {
  const whole = { complete: true, receivedBytes: 5, whenLost: never, durable: {} };
  return {
    description: FILE,
    body: { ...whole, digest: () => ({ size: 5, sha256: 'x' }), ...body },
    idIsCallers: false,
    wish: 'store-or-keep',
    signal: new AbortController().signal,
    clientGone: new AbortController().signal,
    arrived: Promise.resolve(),
    ...rest,
  } as unknown as FileToPlace;
}

async function fallbacks(): Promise<string[]> {
  return (await metrics.text()).split('\n').filter((line) => line.startsWith('resilience_fallback_total{'));
}

describe('UploadPlacement', () => {
  it('stores a file where it can, and accepts nothing', async () => {
    put = () => Promise.resolve(PLACED);
    expect(await placement.place(upload(), [])).toEqual({
      kind: 'stored',
      placed: PLACED,
      copies: [],
    });
    expect([accepted, await fallbacks()]).toEqual([[], []]);
  });

  it('accepts a file that is not stored, once all of it has come', async () => {
    const arrived = Promise.withResolvers<void>();
    const placing = placement.place(upload({}, { arrived: arrived.promise }), []);
    await new Promise((resolve) => setImmediate(resolve));
    expect(accepted).toEqual([]);
    arrived.resolve();
    expect(await placing).toEqual({ kind: 'accepted', record: record('accepted') });
    expect(accepted).toMatchObject([
      { uploadId: 'id', file: FILE, digest: { size: 5 }, idIsCallers: false, placements: [] },
    ]);
    expect(await fallbacks()).toEqual([
      'resilience_fallback_total{name="storage:a",kind="spool",outcome="success"} 1',
    ]);
  });

  it('fails as the storage did where nothing may be kept', async () => {
    await expect(placement.place(upload({}, { wish: 'store' }), [])).rejects.toBe(DOWN);
    expect([accepted, await fallbacks()]).toEqual([[], []]);
  });

  it('hands on which storage elements may have the file', async () => {
    put = async ({ watcher }) => {
      watcher?.failed(
        'storage:b',
        new ServiceError('STORAGE_TIMEOUT', 'x', { cause: new TargetFailure('lost', { bodySent: true }) }),
        false,
      );
      throw DOWN;
    };
    await placement.place(upload(), []);
    expect(accepted).toMatchObject([{ placements: [{ target: 'storage:b' }] }]);
  });

  it.each<[string, ServiceError, FileToPlace]>([
    ['nothing can mend it', failure('CONFLICT'), upload()],
    ['its client has left', DOWN, upload({}, { clientGone: AbortSignal.abort() })],
    [
      'nobody waits for it any more',
      DOWN,
      upload({}, { signal: AbortSignal.abort(failure('CLIENT_STALLED')) }),
    ],
  ])('fails as the storage did where %s', async (_, error, given) => {
    put = () => Promise.reject(error);
    await expect(placement.place(given, [])).rejects.toBe(error);
    expect([accepted, await fallbacks()]).toEqual([[], []]);
  });

  it.each([
    ['while the rest is read', never],
    ['before, when it was read by a storage element alone', Promise.resolve()],
  ])('fails at once when the disk took no more %s', async (_, arrived) => {
    const full = failure('SPOOL_FULL');
    const given = upload({ whenLost: Promise.reject(full) }, { arrived });
    await expect(placement.place(given, [])).rejects.toBe(full);
    expect(await fallbacks()).toEqual([
      'resilience_fallback_total{name="storage:a",kind="spool",outcome="failure"} 1',
    ]);
  });

  it.each<ErrorCode>(['SPOOL_FULL', 'QUEUE_UNAVAILABLE', 'CONFLICT'])(
    'fails with %s of the spool',
    async (code) => {
      accept = () => Promise.reject(failure(code));
      await expect(placement.place(upload(), [])).rejects.toMatchObject({ code });
    },
  );

  it('reads no more of a file that has no room', async () => {
    admit = () => {
      throw failure('SPOOL_FULL');
    };
    await expect(placement.place(upload({}, { arrived: never }), [])).rejects.toMatchObject({
      code: 'SPOOL_FULL',
    });
  });

  it('fails as the storage did when that says when it will be back, and the spool is full', async () => {
    const open = new ServiceError('NO_STORAGE_AVAILABLE', 'x', { retryAfterMs: 5_000 });
    put = () => Promise.reject(open);
    accept = () => Promise.reject(failure('SPOOL_FULL'));
    await expect(placement.place(upload(), [])).rejects.toBe(open);
  });

  it('fails as the storage did when the spool breaks', async () => {
    accept = () => Promise.reject(new Error('EIO'));
    await expect(placement.place(upload(), [])).rejects.toBe(DOWN);
  });

  it.each<UploadStatus>(['cancelled', 'expired'])(
    'does not take a promise that is %s for a new one',
    async (status) => {
      accept = () => Promise.resolve(record(status));
      await expect(placement.place(upload(), [])).rejects.toMatchObject({ code: 'CONFLICT' });
    },
  );

  it('accepts at the wish of a client without asking the storage', async () => {
    put = () => Promise.reject(new Error('it was asked'));
    expect(await placement.place(upload({}, { wish: 'keep' }), [])).toMatchObject({ kind: 'accepted' });
    expect(await fallbacks()).toEqual([]);
  });

  it('takes back what nobody was told of', async () => {
    await placement.withdraw({ kind: 'stored', placed: PLACED, copies: [] }, 'alice');
    await placement.withdraw({ kind: 'accepted', record: record('accepted') }, 'alice');
    expect([removed, cancelled]).toEqual([['id'], ['id']]);
  });

  it('keeps the metadata of a stored file where it is noted, or where the element gives it back', async () => {
    const file = { ...FILE, metadata: { a: 1 } };
    const remembered = { ...file, description: null, tags: [], ttlDays: 30 };
    const keptOf = async (isNoted: boolean, stored: object): Promise<unknown> => {
      followUp = () => Promise.resolve(isNoted);
      const placed = { ...PLACED, file: { ...PLACED.file, ...stored } };
      return (
        await placement.followUp({ kind: 'stored', placed, copies: [] }, upload({}, { description: file }))
      ).metadata;
    };
    expect(await keptOf(true, {})).toEqual({ a: 1 });
    expect(await keptOf(false, { remembered })).toEqual({ a: 1 });
    expect(await keptOf(false, {})).toBeNull();
  });

  it('leaves no stored file behind whose registration nobody took note of', async () => {
    const registering = placement.followUp({ kind: 'stored', placed: PLACED, copies: [] }, upload());
    await expect(registering).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(removed).toEqual(['id']);
  });

  it('removes nothing under an id of the caller, whom another replica may have told that it is stored', async () => {
    const given = upload({}, { idIsCallers: true });
    const registering = placement.followUp({ kind: 'stored', placed: PLACED, copies: [] }, given);
    await expect(registering).rejects.toMatchObject({ code: 'QUEUE_UNAVAILABLE' });
    expect(removed).toEqual([]);
  });
});
