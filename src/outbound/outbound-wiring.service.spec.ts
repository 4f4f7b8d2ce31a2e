import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Scope } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OutboundRoom } from '../../test/support/outbound-room.js';
import { ServiceError } from '../errors/service-error.js';
import { CircuitBreakers } from './circuit-breakers.service.js';
import { DEFAULT_BACKOFF } from './backoff.js';
import type { OutboundCall } from './outbound-call.js';
import { OutboundPolicies } from './outbound-policies.service.js';
import { Outbound } from './outbound.decorator.js';
import { TargetFailure } from './target-failure.js';

const never = new AbortController().signal;
const context = new AsyncLocalStorage<string>();

@Injectable()
class Caller {
  readonly seen: (string | undefined)[] = [];
  answer: (call: OutboundCall) => Promise<string> = () => Promise.resolve('done');

  constructor(policies: OutboundPolicies) {
    policies.register({
      name: 'test',
      targetNames: ['one', 'two'],
      ownCodes: ['STORAGE_FAILED'],
      unavailable: { code: 'NO_STORAGE_AVAILABLE', detail: 'Nobody is there.' },
      retry: { attempts: 3, backoff: { ...DEFAULT_BACKOFF, baseMs: 1, maxMs: 5_000 } },
      totalTime: { baseMs: 10_000, minBytesPerSecond: 1, maxMs: 10_000 },
      circuit: { failureThreshold: 4 },
      bulkhead: {
        maxCalls: 1,
        maxBytes: 100,
        unknownBytes: 1,
        maxQueued: 0,
        maxWaitMs: 10,
        retryAfterMs: 1_000,
      },
    });
  }

  @Outbound('test')
  call(call: OutboundCall): Promise<string> {
    this.seen.push(call.target);
    return this.answer(call);
  }

  plain(): string {
    return 'plain';
  }
}

@Injectable({ scope: Scope.REQUEST })
class CallerOfOneRequest {
  @Outbound('test')
  call(_call: OutboundCall): Promise<void> {
    return Promise.resolve();
  }
}

@Injectable()
class CallerWithoutPolicy {
  @Outbound('unknown')
  call(_call: OutboundCall): Promise<void> {
    return Promise.resolve();
  }
}

describe('an outbound method', () => {
  let app: TestingModule;
  let caller: Caller;
  const failure = new ServiceError('STORAGE_FAILED', 'Failed.');

  beforeEach(async () => {
    app = await Test.createTestingModule({ imports: [OutboundRoom], providers: [Caller] }).compile();
    await app.init();
    caller = app.get(Caller);
  });

  afterEach(() => app.close());

  const circuit = (name: string) => app.get(CircuitBreakers).get(name);

  it('runs with a target, a deadline and the context of its caller, and leaves others alone', async () => {
    caller.answer = (call) =>
      Promise.resolve(`${context.getStore()} ${call.target} ${call.deadline !== undefined}`);
    const answer = await context.run('mine', () => caller.call({ targets: ['one'], signal: never }));
    expect(answer).toBe('mine one true');
    expect(caller.plain()).toBe('plain');
  });

  it('goes on to the next target, and then comes back to the first', async () => {
    caller.answer = () => Promise.reject(failure);
    await expect(caller.call({ targets: ['one', 'two'], signal: never })).rejects.toBe(failure);
    expect(caller.seen).toEqual(['one', 'two', 'one']);
    expect(circuit('one')?.report().failure_count).toBe(2);
  });

  it('makes no second attempt where the bytes are gone', async () => {
    caller.answer = () => Promise.reject(failure);
    const call = { targets: ['one', 'two'], signal: never, canRepeat: () => false };
    await expect(caller.call(call)).rejects.toBe(failure);
    expect(caller.seen).toEqual(['one']);
  });

  it('skips a target behind an open circuit, and says when to come back where all are', async () => {
    circuit('one')?.forceOpen({ reason: 'test', by: 'test', ttlMs: 60_000 });
    await caller.call({ targets: ['one', 'two'], signal: never });
    expect(caller.seen).toEqual(['two']);
    circuit('two')?.forceOpen({ reason: 'test', by: 'test', ttlMs: 30_000 });
    const refused = await caller
      .call({ targets: ['one', 'two'], signal: never })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'NO_STORAGE_AVAILABLE' });
    const { retryAfterMs = 0 } = (refused as ServiceError).options;
    expect(retryAfterMs).toBeGreaterThan(29_000);
    expect(retryAfterMs).toBeLessThanOrEqual(30_000);
  });

  it('ends its back-off at once when nobody waits any more', async () => {
    const leaving = new AbortController();
    caller.answer = () => {
      setImmediate(() => leaving.abort(new ServiceError('CLIENT_CLOSED_REQUEST', 'Gone.')));
      return Promise.reject(
        new ServiceError('STORAGE_FAILED', 'Busy.', {
          cause: new TargetFailure('busy', { statusCode: 503, retryAfterMs: 5_000 }),
        }),
      );
    };
    const call = caller.call({ targets: ['one'], signal: leaving.signal });
    await expect(call).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
    expect(caller.seen).toEqual(['one']);
  });

  it('ends its back-off at once, but no attempt under way, when it is abandoned', async () => {
    const leaving = new AbortController();
    const gone = new ServiceError('CLIENT_CLOSED_REQUEST', 'Gone.');
    const call = (name: string): OutboundCall => ({
      targets: [name],
      signal: never,
      abandoned: leaving.signal,
    });
    caller.answer = () => {
      setImmediate(() => leaving.abort(gone));
      return Promise.reject(
        new ServiceError('STORAGE_FAILED', 'Busy.', {
          cause: new TargetFailure('busy', { statusCode: 503, retryAfterMs: 1_000 }),
        }),
      );
    };
    await expect(caller.call(call('one'))).rejects.toBe(gone);
    expect(caller.seen).toEqual(['one']);
    caller.answer = ({ signal }) => Promise.resolve(`aborted: ${signal.aborted}`);
    expect(await caller.call(call('two'))).toBe('aborted: false');
  });

  it('does not count against its target what is not its fault', async () => {
    caller.answer = () => Promise.reject(new ServiceError('CLIENT_STALLED', 'Slow.'));
    await expect(caller.call({ targets: ['one', 'two'], signal: never })).rejects.toMatchObject({
      code: 'CLIENT_STALLED',
    });
    expect(caller.seen).toEqual(['one']);
    expect(circuit('one')?.report()).toMatchObject({ failure_count: 0, neutral_count: 1 });
  });

  it('is turned away where too many are under way', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    caller.answer = () => promise;
    const first = caller.call({ targets: ['one'], signal: never });
    await expect(caller.call({ targets: ['one'], signal: never })).rejects.toMatchObject({
      code: 'BULKHEAD_FULL',
    });
    resolve('done');
    expect(await first).toBe('done');
  });
});

describe('a start with an outbound method', () => {
  it.each([
    ['of one request', CallerOfOneRequest, 'marked as outbound'],
    [
      'of what a factory has made',
      {
        provide: 'caller',
        inject: [OutboundPolicies],
        useFactory: (found: OutboundPolicies) => new Caller(found),
      },
      'marked as outbound',
    ],
    ['of a class under another name', { provide: 'caller', useClass: Caller }, 'marked as outbound'],
    ['whose policy nobody registered', CallerWithoutPolicy, 'no outbound policy named "unknown"'],
  ])('%s is stopped', async (_, provider, message) => {
    const app = await Test.createTestingModule({ imports: [OutboundRoom], providers: [provider] }).compile();
    await expect(app.init()).rejects.toThrow(message);
  });
});
