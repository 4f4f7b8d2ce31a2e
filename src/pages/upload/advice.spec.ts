import { describe, expect, it } from '@jest/globals';
import { adviceFor, isTransient, sentenceOf } from './advice.js';

const problem = (status: number, code: string, detail?: string) => ({ status, code, title: 'No', detail });

it.each([
  ['sent again as it is', problem(507, 'SPOOL_FULL'), 'same'],
  ['sent again as it is', problem(0, 'UNREACHABLE'), 'same'],
  ['sent again as it is, with a better token', problem(403, 'FORBIDDEN'), 'same'],
  ['sent again as another upload', problem(409, 'CONFLICT'), 'new'],
  ['sent again as another upload', problem(410, 'UPLOAD_EXPIRED'), 'new'],
  ['not sent again', problem(413, 'FILE_TOO_LARGE'), 'never'],
  ['not sent again', problem(415, 'UNSUPPORTED_MEDIA_TYPE'), 'never'],
])('a file may be %s: %j', (_, refused, again) => {
  expect(adviceFor(refused)).toEqual({ what: expect.stringMatching(/^[A-Z].+\.$/), again });
});

it('says to tell the operators what nobody knows', () => {
  expect(adviceFor(problem(418, 'TEAPOT')).what).toBe('Tell the operators.');
});

describe('the page goes on by itself', () => {
  it.each([
    [0, 'UNREACHABLE'],
    [408, 'CLIENT_STALLED'],
    [409, 'UPLOAD_IN_PROGRESS'],
    [409, 'OFFSET_MISMATCH'],
    [400, 'DIGEST_MISMATCH'],
    [429, 'RATE_LIMITED'],
    [502, 'UNKNOWN'],
    [507, 'SPOOL_FULL'],
  ])('after %d %s', (status, code) => {
    expect(isTransient(problem(status, code))).toBe(true);
  });

  it.each([
    [400, 'VALIDATION_ERROR'],
    [401, 'UNAUTHORIZED'],
    [409, 'CONFLICT'],
    [410, 'UPLOAD_ENDED'],
    [413, 'FILE_TOO_LARGE'],
  ])('but not after %d %s', (status, code) => {
    expect(isTransient(problem(status, code))).toBe(false);
  });
});

it('says the detail, else the title, as a sentence', () => {
  expect(sentenceOf(problem(400, 'X', 'It is wrong.'))).toBe('It is wrong.');
  expect(sentenceOf(problem(400, 'X'))).toBe('No.');
});
