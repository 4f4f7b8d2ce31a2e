import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { bodyOfBytes, describedFile } from '../../test/support/file-bodies.js';
import { StorageElementServer } from '../../test/support/storage-element-server.js';
import { type Environment, parseEnvironment } from '../config/environment.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { StorageElements } from './storage-elements.service.js';

const never = new AbortController().signal;
const ID = '550e8400-e29b-41d4-a716-446655440000';

describe('StorageElements', () => {
  let root: string;
  let server: StorageElementServer;
  const opened: StorageElements[] = [];
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'elements-'));
    server = await StorageElementServer.start();
    warn.mockClear();
  });

  afterEach(async () => {
    await server.close();
    await Promise.all(opened.splice(0).map((elements) => elements.onApplicationShutdown()));
    await rm(root, { recursive: true, force: true });
  });

  /** Settings of a local element. */
  function local(id: string, members: Record<string, unknown> = {}): Record<string, unknown> {
    return { id, driver: 'local', path: join(root, id), mode: 'edit', ...members };
  }

  function http(id: string, mode = 'edit'): Record<string, unknown> {
    return { id, driver: 'http', url: server.url, mode };
  }

  function elementsOf(...settings: Record<string, unknown>[]): StorageElements {
    const environment = parseEnvironment({
      STORAGE_ELEMENTS: JSON.stringify(settings),
      STORAGE_REQUEST_TIMEOUT_MS: '500',
    });
    const config = new ConfigService<Environment, true>(environment);
    const elements = new StorageElements(config, new ServiceTokens(config, () => 0));
    opened.push(elements);
    return elements;
  }

  describe('chooses', () => {
    it('an element whose mode fits the retention policy', () => {
      const elements = elementsOf(
        local('archive', { mode: 'ar' }),
        local('read', { mode: 'ro' }),
        local('permanent', { mode: 'rw' }),
        local('temporary', { mode: 'edit' }),
      );
      expect(elements.choose('temporary').id).toBe('temporary');
      expect(elements.choose('permanent').id).toBe('permanent');
    });

    it('the lowest priority number first, and the first configured among equals', () => {
      const elements = elementsOf(
        local('late', { priority: 200 }),
        local('first', { priority: 10 }),
        local('second', { priority: 10 }),
        local('default'),
      );
      expect(elements.choose('temporary').id).toBe('first');
      expect(elements.all().map(({ id }) => id)).toEqual(['first', 'second', 'default', 'late']);
    });

    it('an element with room where the size is known', () => {
      const elements = elementsOf(
        local('small', { capacity: 100, priority: 1 }),
        local('large', { capacity: 1000 }),
      );
      expect(elements.choose('temporary').id).toBe('small');
      expect(elements.choose('temporary', 100).id).toBe('small');
      expect(elements.choose('temporary', 101).id).toBe('large');
      expect(() => elements.choose('temporary', 1001)).toThrow('NO_STORAGE_AVAILABLE');
    });

    it('none where none fits, and says when to ask again', () => {
      const elements = elementsOf(local('one'));
      expect(() => elements.choose('permanent')).toThrow(
        expect.objectContaining({ code: 'NO_STORAGE_AVAILABLE', options: { retryAfterMs: 30_000 } }),
      );
    });
  });

  describe('finds', () => {
    it('a file wherever it is written to', async () => {
      const elements = elementsOf(local('one'), local('two', { mode: 'rw' }), http('three', 'rw'));
      for (const element of elements.all()) {
        const file = describedFile();
        await element.put(file, bodyOfBytes('hello'), never);
        expect(await elements.find(file.fileId)).toMatchObject({
          element: { id: element.id },
          file: { size: 5 },
        });
      }
      expect(await elements.find(ID)).toBeUndefined();
    });

    it('a file although another element is down, and says so', async () => {
      const elements = elementsOf(http('down'), local('up'));
      await server.close();
      const file = describedFile();
      await elements.all()[1]?.put(file, bodyOfBytes('hello'), never);
      expect(await elements.find(file.fileId)).toMatchObject({ element: { id: 'up' } });
      expect(warn).toHaveBeenCalledWith(expect.stringContaining('Storage element down'));
    });
  });

  it('starts although one folder cannot be used', async () => {
    const elements = elementsOf(local('bad', { path: '/dev/null/nowhere' }), local('good', { mode: 'rw' }));
    await elements.onModuleInit();
    expect(await Promise.all(elements.all().map((element) => element.health()))).toMatchObject([
      { up: false },
      { up: true },
    ]);
  });
});
