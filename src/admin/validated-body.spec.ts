import { describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { ServiceError } from '../errors/service-error.js';
import { ForceOpenOrder } from './circuit-orders.dto.js';
import { RedeliverAllOrder } from './dead-letter-orders.dto.js';
import { DeadLetterQuery } from './dead-letter-query.dto.js';
import { validatedBody, validatedQuery } from './validated-body.js';

describe('a body or query of an operator', () => {
  /** What is said of each member that is wrong. */
  async function messagesOf(pipe: typeof validatedBody, value: object, metatype: Type): Promise<object> {
    try {
      await pipe.transform(value, { type: 'body', metatype });
      return {};
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const fields = error.options.fields ?? [];
      return Object.fromEntries(fields.map(({ field, message }) => [field, message]));
    }
  }

  it.each([
    [{ reason: 5, ttl_seconds: 'x' }],
    [{ reason: '', ttl_seconds: 5.5 }],
    [{ reason: ' ', ttl_seconds: 0 }],
    [{ reason: 'x'.repeat(501), ttl_seconds: 86_401 }],
    [{ ttl_seconds: null }],
  ])('is told one thing of each member of %j', async (order) => {
    expect(await messagesOf(validatedBody, order, ForceOpenOrder)).toEqual({
      reason: 'reason must be a text of 1 to 500 characters that says something',
      ttl_seconds: 'ttl_seconds must be a whole number from 1 to 86400',
    });
  });

  it('is told of members of members likewise', async () => {
    const order = { filter: { owner: '\0', older_than_seconds: -1, nobody: 1 }, limit: '1' };
    expect(await messagesOf(validatedBody, order, RedeliverAllOrder)).toEqual({
      'filter.owner': 'owner must be a text of 1 to 255 characters without control characters',
      'filter.older_than_seconds': 'older_than_seconds must be a whole number from 0 to 3155760000',
      'filter.nobody': 'property nobody should not exist',
      limit: 'limit must be a whole number from 1 to 10000',
    });
  });

  it('is told so of a query, whose members are texts', async () => {
    const query = { limit: '7.0', cursor: '', kind: '' };
    expect(await messagesOf(validatedQuery, query, DeadLetterQuery)).toEqual({
      limit: 'limit must be a whole number from 1 to 200',
      cursor: 'cursor must be a text of 1 to 200 characters',
      kind: 'kind must be a text of 1 to 64 characters without control characters',
    });
    expect(await messagesOf(validatedQuery, { limit: '200', reason: 'é 𝄞' }, DeadLetterQuery)).toEqual({});
  });
});
