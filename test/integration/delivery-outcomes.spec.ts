import { readFile, rename, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { expect } from '@jest/globals';
import { CircuitBreakers } from '../../src/outbound/circuit-breakers.service.js';
import { eventually } from '../support/eventually.js';
import { sha256 } from '../support/accepted-service.js';
import { itSideBySide } from '../support/side-by-side.js';
import { describeDeliveryOnBoth } from './delivery-stage.js';

const failed = (number: number): object => ({
  number,
  target: 'storage:se-1',
  outcome: 'failed',
  code: 'STORAGE_FULL',
  status_code: 507,
});

describeDeliveryOnBoth('a delivery', (start) => {
  itSideBySide(
    'goes on until the element takes the file, and then leaves nothing but the receipt',
    async (later) => {
      const stage = await start({}, later);
      const bytes = randomBytes(300_000);
      const uploadId = await stage.accept(bytes);
      await eventually(async () => expect((await stage.task(uploadId)).attempts).toBeGreaterThan(1));
      stage.element.options.fault = undefined;
      await stage.untilStatus(uploadId, 'active');
      const { attempts, ...task } = await stage.task(uploadId);
      expect(task).toMatchObject({
        state: 'done',
        target: 'storage:se-1',
        doubtful_targets: [],
        lease_owner: null,
      });
      const history = await stage.history(uploadId);
      expect(history).toHaveLength(attempts);
      expect(history.slice(0, -1)).toEqual(
        Array.from({ length: attempts - 1 }, (_, index) => failed(index + 1)),
      );
      expect(history.at(-1)).toMatchObject({ number: attempts, outcome: 'stored', target: 'storage:se-1' });
      expect(await stage.events(uploadId)).toEqual(['accepted', 'delivering', 'active']);
      expect(stage.element.files.get(uploadId)).toMatchObject({ sha256: sha256(bytes) });
      expect(await stage.query('SELECT 1 FROM ingester.queue')).toEqual([]);
      await eventually(async () => expect(await stage.spooled()).toEqual([]));
    },
  );

  itSideBySide(
    'ends as a dead letter after the last attempt, with its history and its file',
    async (later) => {
      const stage = await start({ DELIVERY_MAX_ATTEMPTS: '3' }, later);
      const uploadId = await stage.accept();
      await stage.untilTask(uploadId, { state: 'dead', reason: 'STORAGE_FULL', attempts: 3 });
      expect(await stage.history(uploadId)).toEqual([failed(1), failed(2), failed(3)]);
      expect(await stage.events(uploadId)).toEqual(['accepted', 'delivering', 'dead']);
      expect(await stage.spooled()).toEqual([expect.stringContaining(uploadId)]);
      expect(await stage.query('SELECT 1 FROM ingester.queue')).toEqual([]);
    },
  );

  itSideBySide('ends at once when the element refuses what is said of the file', async (later) => {
    const stage = await start({}, later);
    const uploadId = await stage.accept();
    stage.element.options.fault = { kind: 'answer', status: 422 };
    await stage.untilTask(uploadId, { state: 'dead', reason: 'STORAGE_FAILED' });
    expect((await stage.history(uploadId)).at(-1)).toMatchObject({ status_code: 422 });
  });

  itSideBySide('ends as a dead letter when it has become too old', async (later) => {
    const stage = await start({ DELIVERY_MAX_AGE_MS: '3000' }, later);
    const uploadId = await stage.accept();
    await stage.untilTask(uploadId, { state: 'dead', reason: 'STORAGE_FULL' });
    expect((await stage.events(uploadId)).at(-1)).toBe('dead');
  });

  itSideBySide('waits for an open circuit without using up attempts', async (later) => {
    const stage = await start(
      {
        STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1',
        STORAGE_CIRCUIT_RECOVERY_MS: '60000',
        DELIVERY_MAX_ATTEMPTS: '1',
      },
      later,
    );
    const uploadId = await stage.accept();
    const waiting = await stage.untilTask(uploadId, { state: 'waiting', reason: 'NO_STORAGE_AVAILABLE' });
    expect(waiting.attempts).toBe(0);
    expect(waiting.due_at - Date.now()).toBeGreaterThan(45_000);
    expect(stage.element.uploads).toHaveLength(1);
    expect(await stage.history(uploadId)).toEqual([]);
  });

  itSideBySide('waits for an element that cannot be reached without using up attempts', async (later) => {
    const stage = await start({ DELIVERY_MAX_ATTEMPTS: '1', STORAGE_CIRCUIT_RECOVERY_MS: '500' }, later);
    await stage.element.close();
    const uploadId = await stage.accept();
    await eventually(async () => expect((await stage.history(uploadId)).length).toBeGreaterThan(2));
    expect(await stage.task(uploadId)).toMatchObject({ attempts: 0 });
    expect(['waiting', 'running']).toContain((await stage.task(uploadId)).state);
  });

  itSideBySide('never lets an element finish a file that was damaged in the spool', async (later) => {
    const stage = await start({ DELIVERY_BACKOFF_BASE_MS: '500', DELIVERY_BACKOFF_MAX_MS: '500' }, later);
    const uploadId = await stage.accept(randomBytes(600_000));
    const bytes = await readFile(stage.spoolPath(uploadId));
    bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0);
    await writeFile(stage.spoolPath(uploadId), bytes);
    stage.element.options.fault = undefined;
    await stage.untilTask(uploadId, { state: 'dead', reason: 'spool_damaged' });
    expect(stage.element.files.size).toBe(0);
    // Found while it is sent, or before that by whoever takes it up again.
    expect(['DIGEST_MISMATCH', 'spool_damaged']).toContain((await stage.history(uploadId)).at(-1)?.code);
  });

  itSideBySide(
    'tells who could not be called when it died of its age, and is found by their names',
    async (later) => {
      const stage = await start({ DELIVERY_MAX_AGE_MS: '2000', STORAGE_COMMIT_TIMEOUT_MS: '100' }, later);
      stage.running.app.get(CircuitBreakers, { strict: false }).get('storage:se-1')?.forceOpen({
        reason: 'test',
        by: 'olga',
      });
      const uploadId = await stage.accept(undefined, { prefer: 'respond-async' });
      await eventually(async () => {
        expect(await stage.task(uploadId)).toMatchObject({ state: 'dead', target: null });
      }, 8_000);
      expect(await stage.history(uploadId)).toEqual([
        {
          number: 1,
          target: 'storage:se-1',
          outcome: 'deferred',
          code: 'NO_STORAGE_AVAILABLE',
          status_code: null,
        },
      ]);
      const admin = { sub: 'olga', role: 'admin' };
      const found = async (target: string): Promise<unknown[]> => {
        const answer = await stage.call(`/api/v1/dead-letters?target=${target}`, {}, admin);
        return ((await answer.json()) as { items: unknown[] }).items;
      };
      expect([await found('se-1'), await found('se-2')]).toMatchObject([[{ upload_id: uploadId }], []]);
    },
  );

  itSideBySide('waits for a file that is not in the spool, as where a volume is missing', async (later) => {
    const stage = await start({}, later);
    const uploadId = await stage.accept();
    const place = stage.spoolPath(uploadId);
    const aside = `${place}.aside`;
    await rename(place, aside);
    await stage.untilTask(uploadId, { reason: 'spool_file_missing', state: 'waiting' });
    // One that was under way when the file went has begun to send it.
    await eventually(async () =>
      expect((await stage.history(uploadId)).at(-1)).toMatchObject({
        outcome: 'failed',
        code: 'spool_file_missing',
        target: null,
      }),
    );
    stage.element.options.fault = undefined;
    await rename(aside, place);
    await stage.untilStatus(uploadId, 'active');
  });

  itSideBySide('is given up when nobody wants the file any more', async (later) => {
    const stage = await start({}, later);
    const uploadId = await stage.accept();
    await stage.query(
      `UPDATE ingester.uploads SET description = replace(description, '"uploadedAt":"2', '"uploadedAt":"1'), expires_at = 0`,
    );
    await stage.untilTask(uploadId, { state: 'dropped' });
    stage.element.options.fault = undefined;
    expect((await stage.events(uploadId)).at(-1)).toBe('expired');
    await eventually(async () => expect(await stage.spooled()).toEqual([]));
    expect(stage.element.files.size).toBe(0);
  });
});
