import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import type { Environment } from '../config/environment.js';
import { Metrics } from '../observability/metrics.service.js';
import { CircuitBreakers } from '../outbound/circuit-breakers.service.js';
import { systemClock } from '../timing/clock.js';
import { OutboundPolicies } from '../outbound/outbound-policies.service.js';
import { ServiceTokens } from '../service-tokens/service-tokens.service.js';
import { TokenEndpoint } from '../service-tokens/token-endpoint.service.js';
import { storageDrivers } from './storage-drivers.js';
import { StorageElements } from './storage-elements.service.js';

describe('StorageElements', () => {
  let root: string;
  const opened: StorageElements[] = [];
  const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'elements-'));
    warn.mockClear();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((elements) => elements.onApplicationShutdown()));
    await rm(root, { recursive: true, force: true });
  });

  /** Settings of a local element. */
  function local(id: string, members: Record<string, unknown> = {}): Record<string, unknown> {
    return { id, driver: 'local', path: join(root, id), mode: 'edit', ...members };
  }

  function elementsOf(...settings: Record<string, unknown>[]): StorageElements {
    const environment = parseEnvironment({
      STORAGE_ELEMENTS: JSON.stringify(settings),
      STORAGE_REQUEST_TIMEOUT_MS: '500',
    });
    const config = new ConfigService<Environment, true>(environment);
    const policies = new OutboundPolicies(new CircuitBreakers(systemClock), systemClock, new Metrics());
    const endpoint = new TokenEndpoint(config, policies, systemClock);
    const tokens = new ServiceTokens(endpoint, config, systemClock);
    const elements = new StorageElements(storageDrivers, config, tokens, policies);
    opened.push(elements);
    return elements;
  }

  describe('gives as targets for a new file', () => {
    it('the elements whose mode fits the retention policy', () => {
      const elements = elementsOf(
        local('archive', { mode: 'ar' }),
        local('read', { mode: 'ro' }),
        local('permanent', { mode: 'rw' }),
        local('temporary', { mode: 'edit' }),
      );
      expect(elements.targetsFor('temporary')).toEqual(['storage:temporary']);
      expect(elements.targetsFor('permanent')).toEqual(['storage:permanent']);
      expect(elements.writtenTargets()).toEqual(['storage:permanent', 'storage:temporary']);
    });

    it('the lowest priority number first, and the first configured among equals', () => {
      const elements = elementsOf(
        local('late', { priority: 200 }),
        local('first', { priority: 10 }),
        local('second', { priority: 10 }),
        local('default'),
      );
      const inOrder = ['first', 'second', 'default', 'late'];
      expect(elements.targetsFor('temporary')).toEqual(inOrder.map((id) => `storage:${id}`));
      expect(elements.all().map(({ id }) => id)).toEqual(inOrder);
    });

    it('those with room, where the size is known', () => {
      const elements = elementsOf(
        local('small', { capacity: 100, priority: 1 }),
        local('large', { capacity: 1000 }),
      );
      expect(elements.targetsFor('temporary')).toEqual(['storage:small', 'storage:large']);
      expect(elements.targetsFor('temporary', 100)).toEqual(['storage:small', 'storage:large']);
      expect(elements.targetsFor('temporary', 101)).toEqual(['storage:large']);
      expect(elements.targetsFor('temporary', 1001)).toEqual([]);
    });
  });

  it('knows an element by its target, and nobody by another name', () => {
    const elements = elementsOf(local('one'));
    expect(elements.at('storage:one').id).toBe('one');
    expect(() => elements.at('storage:two')).toThrow('storage:two');
    expect(() => elements.at(undefined)).toThrow('no storage element');
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
