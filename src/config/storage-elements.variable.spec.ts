import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { ConfigurationError } from './environment.js';

const local = { id: 'disk', driver: 'local', path: '/files', mode: 'edit' };
const remote = { id: 'se-01', driver: 'http', url: 'https://se-01.example/base', mode: 'rw' };

function read(value: string): unknown {
  return parseEnvironment({ STORAGE_ELEMENTS: value }).STORAGE_ELEMENTS;
}

function problemsOf(value: unknown): readonly string[] {
  try {
    read(typeof value === 'string' ? value : JSON.stringify(value));
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('STORAGE_ELEMENTS', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'ingester-elements-'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('is read from JSON, with its defaults', () => {
    expect(read(JSON.stringify([local, { ...remote, priority: 1, capacity: 1_000 }]))).toEqual([
      { ...local, priority: 100 },
      { ...remote, priority: 1, capacity: 1_000, acceptsEmptyFiles: false },
    ]);
  });

  it('is read from a file when it is no JSON', () => {
    const file = join(folder, 'elements.json');
    writeFileSync(file, JSON.stringify([local], undefined, 2));
    expect(read(file)).toEqual([{ ...local, priority: 100 }]);
  });

  it('is read where a byte order mark stands before it', () => {
    const file = join(folder, 'marked.json');
    const marked = `\ufeff${JSON.stringify([local])}`;
    writeFileSync(file, marked);
    expect(read(file)).toEqual([{ ...local, priority: 100 }]);
    expect(read(marked)).toEqual([{ ...local, priority: 100 }]);
  });

  it('says that a file is in another encoding', () => {
    const file = join(folder, 'utf16.json');
    writeFileSync(file, `\ufeff${JSON.stringify([local])}`, 'utf16le');
    expect(problemsOf(file)).toEqual([
      'STORAGE_ELEMENTS: must be a JSON array or a file with one: the file is not UTF-8',
    ]);
  });

  it('says that a file cannot be read', () => {
    expect(problemsOf(join(folder, 'none.json'))).toEqual([
      'STORAGE_ELEMENTS: must be a JSON array or a file with one: the file cannot be read',
    ]);
  });

  it.each(['[{', '[{"id":}]', '{"id":"a"', '\'[{"id":"a"}]\''])(
    'refuses %s without repeating it',
    (value) => {
      expect(problemsOf(value)).toEqual([
        'STORAGE_ELEMENTS: must be a JSON array or a file with one: it is not valid JSON',
      ]);
    },
  );

  it('refuses a file that is no JSON without repeating what is in it', () => {
    const file = join(folder, 'secret.txt');
    writeFileSync(file, 'password: hunter2');
    expect(problemsOf(file).join('')).toMatch(/it is not valid JSON$/);
  });

  it.each([
    ['an object', { ...local }, 'STORAGE_ELEMENTS: must be a list'],
    ['an empty list', [], 'STORAGE_ELEMENTS: must not be an empty list'],
    ['a list of texts', ['disk'], 'STORAGE_ELEMENTS[0]: must be an object'],
  ])('refuses %s', (_, value, problem) => {
    expect(problemsOf(value)).toEqual([problem]);
  });

  it.each([
    ['an unknown driver', { ...local, driver: 'tape' }, '.driver: must be http, local or s3'],
    ['no driver', { ...local, driver: undefined }, '.driver: must be http, local or s3'],
    ['an unknown mode', { ...local, mode: 'write' }, '.mode: must be edit, rw, ro or ar, got "write"'],
    ['no mode', { ...local, mode: undefined }, '.mode: is required'],
    ['an unknown member', { ...local, urls: 'x' }, ': must not have "urls"'],
    ['the member of another driver', { ...local, url: 'http://a' }, ': must not have "url"'],
    ['no path', { ...local, path: undefined }, '.path: is required'],
    ['an empty path', { ...local, path: '' }, '.path: must not be blank'],
    ['a URL that is none', { ...remote, url: 'se-01' }, '.url: must be an http or https URL'],
    ['a priority in words', { ...local, priority: 'high' }, '.priority: must be a number'],
    ['half a priority', { ...local, priority: 1.5 }, '.priority: must be a whole number'],
    ['no capacity at all', { ...local, capacity: 0 }, '.capacity: must be at least 1, got 0'],
    [
      'empty files in words',
      { ...remote, acceptsEmptyFiles: 'yes' },
      '.acceptsEmptyFiles: must be true or false',
    ],
    ['an id with a slash', { ...local, id: 'a/b' }, '.id: must be 1 to 64 letters, digits, ".", "_" or "-"'],
  ])('refuses an element with %s', (_, element, problem) => {
    expect(problemsOf([element])).toEqual([`STORAGE_ELEMENTS[0]${problem}`]);
  });

  it('refuses an id that is there twice, and says which', () => {
    expect(problemsOf([local, remote, { ...local, path: '/other' }])).toEqual([
      'STORAGE_ELEMENTS[2].id: is taken: disk is there twice',
    ]);
  });

  it('names what is wrong with every element at once', () => {
    expect(
      problemsOf([
        { ...local, mode: 'x' },
        { ...local, path: '/other' },
        { ...remote, url: 1 },
      ]),
    ).toEqual([
      'STORAGE_ELEMENTS[0].mode: must be edit, rw, ro or ar, got "x"',
      'STORAGE_ELEMENTS[2].url: must be an http or https URL',
      'STORAGE_ELEMENTS[1].id: is taken: disk is there twice',
    ]);
  });
});
