import { randomUUID } from 'node:crypto';
import { runInRequestContext } from '../../src/observability/request-context.js';
import { describe, expect, it } from '@jest/globals';
import { parseKeepingNumbers } from '../../src/errors/json-numbers.js';
import { bodyOf, bodyOfBytes, describedFile, randomSource } from '../support/file-bodies.js';
import { httpElementFixture, NO_TOKENS } from './http-element-fixture.js';

const never = new AbortController().signal;

describe('HttpStorageElement', () => {
  const fixture = httpElementFixture();

  function onlyFile() {
    const [file] = fixture.server.files.values();
    if (!file) throw new Error('the element has no file');
    return file;
  }

  describe('sends', () => {
    it('the text parts before the file, and none for what is not there', async () => {
      const file = describedFile({
        description: 'строка\r\nзначение',
        tags: ['a', 'б'],
        metadata: Object(parseKeepingNumbers('{"id":1546130668394913822,"имя":"x"}')),
        contentType: 'image/png',
      });
      await fixture.elementWith().put(file, bodyOfBytes('hello'), never);
      expect(onlyFile()).toMatchObject({
        partNames: [
          'description',
          'tags',
          'retention_policy',
          'ttl_days',
          'uploaded_by_id',
          'uploaded_by_username',
          'file_id',
          'metadata',
          'file',
        ],
        fields: {
          description: 'строка\r\nзначение',
          tags: '["a","б"]',
          retention_policy: 'temporary',
          ttl_days: '30',
          uploaded_by_id: 'alice',
          uploaded_by_username: 'Alice',
          file_id: file.fileId,
          metadata: '{"id":1546130668394913822,"имя":"x"}',
        },
        contentType: 'image/png',
      });
      fixture.server.files.clear();
      const bare = { ttlDays: null, uploadedByUsername: null, retentionPolicy: 'permanent' } as const;
      await fixture.elementWith().put(describedFile(bare), bodyOfBytes('hello'), never);
      expect(onlyFile().partNames).toEqual([
        'tags',
        'retention_policy',
        'uploaded_by_id',
        'file_id',
        'metadata',
        'file',
      ]);
    });

    it('a length where it is known, and chunks where it is not', async () => {
      const element = fixture.elementWith();
      await element.put(describedFile(), bodyOfBytes('hello'), never);
      await element.put(describedFile(), bodyOf(randomSource(100)), never);
      const [known, unknown] = fixture.server.uploads;
      expect(known?.headers['content-length']).toMatch(/^\d+$/);
      expect(known?.headers['transfer-encoding']).toBeUndefined();
      expect(unknown?.headers['content-length']).toBeUndefined();
      expect(unknown?.headers['transfer-encoding']).toBe('chunked');
    });

    it('the token, the request id and the trace with a span of its own', async () => {
      const tokens = { token: () => Promise.resolve('t1'), renew: () => Promise.resolve('t2') };
      const element = fixture.elementWith({}, tokens);
      const context = { requestId: 'req-1', traceId: 'a'.repeat(32), traceFlags: '01' };
      await runInRequestContext(context, async () => {
        await element.put(describedFile(), bodyOfBytes('hello'), never);
        await element.stat(randomUUID());
        await element.remove(randomUUID());
      });
      const spans = fixture.server.requests.map(({ headers }) => {
        expect(headers).toMatchObject({ authorization: 'Bearer t1', 'x-request-id': 'req-1' });
        return /^00-a{32}-([0-9a-f]{16})-01$/.exec(String(headers.traceparent))?.[1];
      });
      expect(new Set(spans).size).toBe(3);
      expect(spans).not.toContain(undefined);
    });

    it('no token where there is none, and none to the open health check', async () => {
      await fixture.elementWith().stat(randomUUID());
      await fixture
        .elementWith({}, { ...NO_TOKENS, token: () => Promise.reject(new Error('no token')) })
        .health();
      expect(fixture.server.requests.map(({ headers }) => headers.authorization)).toEqual([
        undefined,
        undefined,
      ]);
    });

    it('to paths below that of the configured address', async () => {
      await fixture
        .elementWith({ url: `${fixture.server.url}/elements/one/` })
        .stat('some-id')
        .catch(() => undefined);
      expect(fixture.server.requests.map(({ path }) => path)).toEqual(['/elements/one/api/v1/files/some-id']);
    });
  });

  it('gives the id that the element has chosen', async () => {
    fixture.server.options.choosesOwnIds = true;
    const file = describedFile();
    const stored = await fixture.elementWith().put(file, bodyOfBytes('hello'), never);
    expect(stored.fileId).not.toBe(file.fileId);
    expect([...fixture.server.files.keys()]).toEqual([stored.fileId]);
  });

  it('queues what is above the number of connections', async () => {
    const element = fixture.elementWith({ maxConnections: 2 });
    await Promise.all(
      Array.from({ length: 10 }, () => element.put(describedFile(), bodyOfBytes('hello'), never)),
    );
    expect(fixture.server.files.size).toBe(10);
  });
});
