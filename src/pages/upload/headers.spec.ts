import { expect, it } from '@jest/globals';
import { dispositionOf, metadataOf } from './headers.js';

it.each([
  ['a.txt', 'a.txt'],
  ["it's 100 %.txt", 'it%27s%20100%20%25.txt'],
  ['Grüße "1";\r\n.txt', 'Gr%C3%BC%C3%9Fe%20%221%22%3B%0D%0A.txt'],
  ['a\uD800b', 'a%EF%BF%BDb'],
])('names %j in a header as %s', (name, encoded) => {
  expect(dispositionOf(name)).toBe(`attachment; filename*=UTF-8''${encoded}`);
});

it('writes metadata in base64, without what is empty', () => {
  expect(metadataOf({ filename: 'ä.txt', filetype: '', tags: '["a"]' })).toBe(
    'filename w6QudHh0,tags WyJhIl0=',
  );
});
