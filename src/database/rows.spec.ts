import { describe, expect, it } from '@jest/globals';
import { listOf, rowsOf } from './rows.js';

describe('rows of a statement', () => {
  it('have a placeholder for each value, with its type, in the order of the values', () => {
    const rows = [
      ['a', 1],
      ['b', null],
    ];
    expect(rowsOf(['uuid', 'bigint'], rows)).toEqual({
      text: '($1::uuid, $2::bigint), ($3::uuid, $4::bigint)',
      values: ['a', 1, 'b', null],
    });
  });

  it('begin behind the values that the statement has before them', () => {
    expect(rowsOf(['text'], [['a'], ['b']], 3)).toEqual({
      text: '($3::text), ($4::text)',
      values: ['a', 'b'],
    });
  });
});

describe('a list of a statement', () => {
  it('has so many placeholders, behind those that come before', () => {
    expect(listOf(3)).toBe('$1, $2, $3');
    expect(listOf(2, 4)).toBe('$4, $5');
  });
});
