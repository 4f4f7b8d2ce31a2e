import { describe, expect, it } from '@jest/globals';
import { type FieldError, ServiceError } from '../errors/service-error.js';
import { type UploadFields, readUploadFields } from './upload-fields.js';

type Texts = Partial<Record<keyof UploadFields, string>>;

const read = (texts: Texts): UploadFields =>
  readUploadFields(new Map(Object.entries(texts) as [keyof UploadFields, string][]));

function problemsOf(texts: Texts): readonly FieldError[] {
  try {
    read(texts);
  } catch (error) {
    if (error instanceof ServiceError) return error.options.fields ?? [];
  }
  return [];
}

const wrongFields = (texts: Texts): string[] =>
  problemsOf(texts)
    .map(({ field }) => field)
    .toSorted();

describe('readUploadFields', () => {
  it('fills in the defaults', () => {
    expect({ ...read({}) }).toEqual({
      description: null,
      retention_policy: 'temporary',
      ttl_days: 30,
      tags: [],
      metadata: {},
    });
  });

  it('reads every field', () => {
    const texts = { description: 'Ä', ttl_days: '365', tags: '["a","b"]', metadata: '{"a":{"b":1}}' };
    expect(read(texts)).toMatchObject({
      description: 'Ä',
      ttl_days: 365,
      tags: ['a', 'b'],
      metadata: { a: { b: 1 } },
    });
  });

  const levels = (count: number): string => `{"a":${'['.repeat(count - 1)}${']'.repeat(count - 1)}}`;

  it('takes metadata of 32 levels, and no deeper ones', () => {
    expect(wrongFields({ metadata: levels(32) })).toEqual([]);
    expect(wrongFields({ metadata: levels(33) })).toEqual(['metadata']);
    expect(wrongFields({ metadata: levels(30_000) })).toEqual(['metadata']);
  });

  it.each(['1546130668394913822', '1.10', '-0', '1e400'])('keeps the number %s in metadata', (number) => {
    const metadata = `{"a":[${number}],"__proto__":{"b":${number}}}`;
    expect(JSON.stringify(read({ metadata }).metadata)).toBe(metadata);
    expect(wrongFields({ metadata: levels(32).replace('[]', `[${number}]`) })).toEqual([]);
  });

  it('refuses metadata with two members of the same name, at any depth', () => {
    expect(wrongFields({ metadata: '{"a":1,"\\u0061":2}' })).toEqual(['metadata']);
    expect(wrongFields({ metadata: '{"a":[{"b":1,"b":1}]}' })).toEqual(['metadata']);
    expect(wrongFields({ metadata: '{"a":[{"b":1},{"b":1}]}' })).toEqual([]);
  });

  it('refuses text that no row can hold', () => {
    const unstorable = { description: 'a\0', tags: '["\\u0000"]', metadata: '{"a":"\\ud800"}' };
    expect(wrongFields(unstorable)).toEqual(['description', 'metadata', 'tags']);
  });

  it('takes a blank input of a form as one that is not there', () => {
    const blank = { description: '', retention_policy: '', ttl_days: '', tags: '', metadata: '' };
    expect(read(blank)).toEqual(read({}));
  });

  it('gives a permanent file no time to live', () => {
    expect(read({ retention_policy: 'permanent' }).ttl_days).toBeNull();
    expect(wrongFields({ retention_policy: 'permanent', ttl_days: '30' })).toEqual(['ttl_days']);
  });

  it.each(['0', '400', '366', '-1', '1.5', '1e2', 'abc', ' ', '0x10', '99999999999999999999'])(
    'refuses ttl_days %j and never replaces it',
    (ttl_days) => {
      expect(wrongFields({ ttl_days })).toEqual(['ttl_days']);
    },
  );

  it.each([' ', 'a', '{}', '"a"', '[1]', '["a",null]', '[["a"]]', 'null'])('refuses tags %j', (tags) => {
    expect(wrongFields({ tags })).toEqual(['tags']);
  });

  it.each([' ', 'a', '[]', '"a"', '1', 'null', '{'])('refuses metadata %j', (metadata) => {
    expect(wrongFields({ metadata })).toEqual(['metadata']);
  });

  it('takes a description of 1000 characters and refuses one more', () => {
    expect(wrongFields({ description: 'x'.repeat(1000) })).toEqual([]);
    expect(wrongFields({ description: 'x'.repeat(1001) })).toEqual(['description']);
  });

  it.each(['7.0', 'x', '366', '0'])('says one thing of ttl_days %s', (ttl_days) => {
    const message = 'ttl_days must be a whole number from 1 to 365';
    expect(problemsOf({ ttl_days })).toEqual([{ field: 'ttl_days', message }]);
  });

  it('calls bad JSON so, and what is no JSON of the right kind by that kind', () => {
    expect(problemsOf({ tags: 'a,b', metadata: '{"a":' })).toEqual([
      { field: 'tags', message: 'tags is not valid JSON' },
      { field: 'metadata', message: 'metadata is not valid JSON' },
    ]);
    for (const [tags, metadata] of [
      ['{}', '[]'],
      ['"a"', '"a"'],
      ['[1]', 'null'],
    ])
      expect(problemsOf({ tags, metadata })).toEqual([
        { field: 'tags', message: 'tags must be a JSON array of strings' },
        { field: 'metadata', message: 'metadata must be a JSON object' },
      ]);
  });

  it('names all wrong fields at once', () => {
    expect(wrongFields({ retention_policy: 'forever', ttl_days: 'x', tags: '1' })).toEqual([
      'retention_policy',
      'tags',
      'ttl_days',
    ]);
  });

  it('keeps a member called __proto__ as data', () => {
    expect(Object.keys(read({ metadata: '{"__proto__":{"polluted":true}}' }).metadata)).toEqual([
      '__proto__',
    ]);
    expect('polluted' in {}).toBe(false);
  });
});
