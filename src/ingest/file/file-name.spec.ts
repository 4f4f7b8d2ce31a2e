import { describe, expect, it } from '@jest/globals';
import { cleanFileName } from './file-name.js';

describe('cleanFileName', () => {
  it.each([
    ['a.txt', 'a.txt'],
    ['Отчёт 2026 — итог.pdf', 'Отчёт 2026 — итог.pdf'],
    ['日本語.txt', '日本語.txt'],
    ['👩‍👩‍👧.png', '👩‍👩‍👧.png'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\a.txt', 'a.txt'],
    ['c:/Users\\me/my\\a.txt', 'a.txt'],
    ['\\\\server\\share\\a.txt', 'a.txt'],
    ['\\\\?\\C:\\a.txt', 'a.txt'],
    ['..\\..\\a.txt', 'a.txt'],
    ['.\\a.txt', 'a.txt'],
    ['notes\\', 'notes\\'],
    ['a\\b.txt', 'a\\b.txt'],
    ['\\', '\\'],
    ['\\\\', '\\\\'],
    ['my folder/a\\b.txt', 'a\\b.txt'],
    ['C:a\\b.txt', 'C:a\\b.txt'],
    ['.a\\b.txt', '.a\\b.txt'],
    ['a\r\nSet-Cookie: x.txt', 'aSet-Cookie: x.txt'],
    ['a\0.txt', 'a.txt'],
    ['.htaccess', '.htaccess'],
    ['a"b.txt', 'a"b.txt'],
  ])('makes %j into %j', (given, kept) => {
    expect(cleanFileName(given)).toBe(kept);
  });

  it.each(['', '.', '..', '../', '/', 'C:\\', '\\\\server\\share\\', '..\\', '\r\n', '  '])(
    'finds no name in %j',
    (given) => {
      expect(cleanFileName(given)).toBeUndefined();
    },
  );

  it('refuses more than 255 characters, however many bytes these have', () => {
    expect(cleanFileName('я'.repeat(255))).toHaveLength(255);
    expect(() => cleanFileName('я'.repeat(256))).toThrow('VALIDATION_ERROR');
  });
});
