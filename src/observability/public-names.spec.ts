import { describe, expect, it } from '@jest/globals';
import { publicNames } from './public-names.js';

describe('names for everybody', () => {
  it('number what is behind a colon, by its kind and in its order', () => {
    const named = { admin: 1, 'storage:se-07': 2, 'tape:x': 3, 'storage:rack:9': 4 };
    expect(publicNames(named)).toEqual({ admin: 1, 'storage:1': 2, 'tape:1': 3, 'storage:2': 4 });
  });
});
