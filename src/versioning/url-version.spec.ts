import { describe, expect, it } from '@jest/globals';
import { splitVersion } from './url-version.js';

describe('splitVersion', () => {
  it.each([
    ['/api/v1/files/upload', '1', '/api/files/upload'],
    ['/api/v1/files?path=/api/v2/x', '1', '/api/files?path=/api/v2/x'],
    ['/api/v12', '12', '/api'],
    ['/api/v1/', '1', '/api/'],
    ['/api/v1?x', '1', '/api?x'],
    ['/api/v01/files', '01', '/api/files'],
    ['/api/v999999999999999999999/files', '999999999999999999999', '/api/files'],
    ['/api/v1/v2/files', '1', '/api/v2/files'],
    ['http://host:8020/api/v1/files', '1', 'http://host:8020/api/files'],
  ])('splits %s', (target, version, url) => {
    expect(splitVersion(target)).toEqual({ version, url });
  });

  it.each([
    '/api/files/upload',
    '/api/V1/files',
    '/API/v1/files',
    '/api/v1x/files',
    '/api/v/files',
    '/api/v-1/files',
    '/api/v1.0/files',
    '/api/%761/files',
    '//api/v1/files',
    '/v1/files',
    '/x/api/v1/files',
    '/apis/v1',
    '/?/api/v1',
    '*',
  ])('sees no version in %s', (url) => {
    expect(splitVersion(url)).toEqual({ version: undefined, url });
  });
});
