import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { leftIn } from '../contract/s3-element-fixture.js';
import { type AcceptingService, type Json, sha256 } from '../support/accepted-service.js';
import { parseEnvironment } from '../support/parse-environment.js';
import type { S3Double, S3DoubleOptions } from '../support/s3-double/s3-double.js';
import { alwaysFaults, bytesAt, MIB, partsSent, postForm, putBytes, s3Entry, s3Stage } from './s3-stage.js';

const SMALL = randomBytes(1_000);
const LARGE = randomBytes(12 * MIB);

interface Started {
  readonly double: S3Double;
  readonly service: AcceptingService;
}

const jsonOf = async (answer: Response): Promise<Json> => (await answer.json()) as Json;

describe('a bucket as the storage element of the service', () => {
  const stage = s3Stage();

  async function start(options: Partial<S3DoubleOptions> = {}, entry: object = {}): Promise<Started> {
    const double = await stage.store(options);
    return { double, service: await stage.service([s3Entry(double, entry)]) };
  }

  /** The upload is stored, its receipt says so now and later, and nothing else is in the bucket. */
  async function expectStored({ double, service }: Started, answer: Response, bytes: Buffer): Promise<Json> {
    const receipt = await jsonOf(answer);
    expect([answer.status, receipt]).toMatchObject([
      201,
      { status: 'active', size: bytes.length, checksum: expect.stringContaining(sha256(bytes)) },
    ]);
    expect(receipt.file_id).toBe(receipt.upload_id);
    expect(bytesAt(double, String(receipt.file_id))?.equals(bytes)).toBe(true);
    const later = await service.call(`/api/v1/files/${String(receipt.upload_id)}`);
    expect([later.status, await jsonOf(later)]).toEqual([200, receipt]);
    expect(leftIn(double)).toEqual([]);
    return receipt;
  }

  it.each([
    ['a form', false],
    ['a form of a length that nobody knows', true],
  ])('has a small file from %s as one object', async (_, chunked) => {
    const started = await start();
    await expectStored(started, await postForm(started.service, SMALL, { chunked }), SMALL);
    expect(started.double.count('CreateMultipartUpload')).toBe(0);
  });

  it.each([
    ['a form', (service: AcceptingService) => postForm(service, LARGE)],
    ['a chunked form', (service: AcceptingService) => postForm(service, LARGE, { chunked: true })],
    ['a PUT', (service: AcceptingService) => putBytes(service, randomUUID(), LARGE)],
    [
      'a chunked PUT',
      (service: AcceptingService) => putBytes(service, randomUUID(), LARGE, { chunked: true }),
    ],
  ])('has a large file from %s, which came in parts', async (_, send) => {
    const started = await start();
    await expectStored(started, await send(started.service), LARGE);
    expect(partsSent(started.double)).toEqual([1, 2, 3]);
  });

  it.each([
    ['small', SMALL],
    ['large', LARGE],
  ])('gives the first receipt for a PUT that is repeated, and keeps its bytes: %s', async (_, bytes) => {
    const started = await start();
    const { service, double } = started;
    const id = randomUUID();
    const first = await expectStored(started, await putBytes(service, id, bytes), bytes);
    const again = await putBytes(service, id.toUpperCase(), bytes);
    expect([again.status, await jsonOf(again)]).toEqual([200, first]);
    const other = Buffer.from(bytes);
    other.writeUInt8(other.readUInt8(0) ^ 1, 0);
    const refused = await putBytes(service, id, other);
    expect([refused.status, await jsonOf(refused)]).toMatchObject([409, { code: 'CONFLICT' }]);
    const stranger = await service.put(id, bytes, {}, { sub: 'mallory' });
    expect(stranger.status).toBe(409);
    expect(bytesAt(double, id)?.equals(bytes)).toBe(true);
    expect(leftIn(double)).toEqual([]);
  });

  it('has a file of no bytes', async () => {
    const started = await start();
    const nothing = Buffer.alloc(0);
    await expectStored(started, await putBytes(started.service, randomUUID(), nothing), nothing);
  });

  it.each([
    ['small', SMALL],
    ['large', LARGE],
  ])('remembers a name that is not ASCII, and metadata that no header has room for: %s', async (_, bytes) => {
    const started = await start();
    const { service, double } = started;
    const about = { note: 'ü'.repeat(1_500), case: '1234567890123456789' };
    const body = new FormData();
    body.append('description', 'Änderungen – 変更');
    body.append('tags', '["größe", "b c"]');
    body.append('metadata', JSON.stringify(about));
    body.append('file', new Blob([new Uint8Array(bytes)], { type: 'text/csv' }), 'Übersicht – 報告 1.csv');
    const answer = await service.call('/api/v1/files/upload', { method: 'POST', body });
    const receipt = await expectStored(started, answer, bytes);
    expect(receipt).toMatchObject({
      original_filename: 'Übersicht – 報告 1.csv',
      description: 'Änderungen – 変更',
      tags: ['größe', 'b c'],
      metadata: about,
    });
    const headers = double.bucket.objects.get(`in/here/${String(receipt.file_id)}`)?.headers;
    expect(headers).toMatchObject({
      'content-type': 'text/csv',
      'content-disposition': expect.stringContaining(`''${encodeURIComponent('Übersicht – 報告 1.csv')}`),
    });
  });

  describe('in the readiness of the service', () => {
    /** The report for operators, and the status for all. */
    async function readiness({
      service,
    }: Started): Promise<{ statuses: number[]; details: Json; text: string }> {
      const operators = await service.call('/api/v1/health/ready', {}, { role: 'admin' });
      const everybody = await fetch(`${service.running.url}/health/ready`);
      const { details } = await jsonOf(operators);
      const text = await everybody.text();
      return { statuses: [operators.status, everybody.status], details: details as Json, text };
    }

    it('is up, and says nothing more', async () => {
      const started = await start();
      expect((await putBytes(started.service, randomUUID(), SMALL)).status).toBe(201);
      const { statuses, details } = await readiness(started);
      expect(statuses).toEqual([200, 200]);
      expect(details['storage:s3']).toEqual({
        status: 'up',
        critical: false,
        responseTime: expect.any(Number),
      });
    });

    it.each([
      ['degraded', 200, {}],
      ['down', 503, { critical: true }],
    ])(
      'is %s without its bucket, with the status %i where its settings are %j',
      async (is, status, entry) => {
        const started = await start({}, entry);
        started.double.faults.push(...alwaysFaults({ kind: 'answer', status: 404, code: 'NoSuchBucket' }));
        const { statuses, details, text } = await readiness(started);
        expect(statuses).toEqual([status, status]);
        expect(details).toMatchObject({
          'storage:s3': { status: is, critical: status === 503, message: 'the element is not ready' },
        });
        expect(text).not.toMatch(/NoSuchBucket|127\.0\.0\.1|"files"|storage:s3/);
      },
    );

    it('is down where its store says nothing', async () => {
      const started = await start();
      started.double.faults.push(...alwaysFaults({ kind: 'stall' }));
      const { statuses, details } = await readiness(started);
      expect(statuses).toEqual([200, 200]);
      expect(details).toMatchObject({
        'storage:s3': { status: 'degraded' },
        storage: { status: 'degraded' },
      });
    });

    it.each(['ignored', 'refused'] as const)('has a remark where conditions are %s', async (conditions) => {
      const started = await start({ conditions });
      const id = randomUUID();
      expect((await putBytes(started.service, id, SMALL)).status).toBe(201);
      expect((await putBytes(started.service, id, LARGE)).status).toBe(409);
      expect(bytesAt(started.double, id)?.equals(SMALL)).toBe(true);
      const { statuses, details } = await readiness(started);
      expect(statuses).toEqual([200, 200]);
      expect(details['storage:s3']).toMatchObject({
        status: 'up',
        remark: expect.stringContaining('ignores conditional writes'),
      });
    });
  });
});

describe('a bucket that is not well set up', () => {
  const LEAST = { id: 's3', driver: 's3', mode: 'edit', bucket: 'files', region: 'eu-central-1' };
  const SECRET = 'hunter2-s3cr3t';

  it.each([
    ['STORAGE_ELEMENTS[1]: must not have "bucketName"', { bucketName: 'files' }],
    ['STORAGE_ELEMENTS[1].bucket: must be the name of a bucket', { bucket: 'My_Files' }],
    [
      'STORAGE_ELEMENTS[1].profile: must not be set beside credentials',
      { profile: 'ours', credentials: { accessKeyId: 'a', secretAccessKey: SECRET } },
    ],
    ['STORAGE_ELEMENTS[1].partSize: must be at least 5242880', { partSize: MIB }],
  ])('is named at the start: %s', (problem, members) => {
    const elements = [
      { ...LEAST, id: 'good' },
      { ...LEAST, ...members },
    ];
    const starts = (): unknown => parseEnvironment({ STORAGE_ELEMENTS: JSON.stringify(elements) });
    expect(starts).toThrow(problem);
    expect(starts).not.toThrow(SECRET);
  });
});
