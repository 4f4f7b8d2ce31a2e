import { STATUS_CODES } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CATALOGUE } from './catalogue.js';

const entries = Object.entries(ERROR_CATALOGUE);

/** Faults of the caller that pass by themselves: slowness, haste, broken connections and bytes changed on the way. */
const PASSING_CLIENT_ERRORS = [
  'DIGEST_MISMATCH',
  'CLIENT_STALLED',
  'UPLOAD_IN_PROGRESS',
  'OFFSET_MISMATCH',
  'RATE_LIMITED',
  'CHECKSUM_MISMATCH',
  'CLIENT_CLOSED_REQUEST',
];

describe('the catalogue of errors', () => {
  it.each(entries)('has a code in capitals for %s', (code) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
  });

  it.each(entries)('has an error status that HTTP knows for %s', (_, { status }) => {
    expect(status).toBeGreaterThanOrEqual(400);
    // 499 is nobody's standard, and no client is there to read it; 460 is that of tus 1.0 alone.
    const isKnown = STATUS_CODES[status] !== undefined || status === 499 || status === 460;
    expect(isKnown).toBe(true);
  });

  it.each(entries)('has a title for people for %s', (_, { title }) => {
    expect(title).toMatch(/^[A-Z].*[^.\s]$/);
  });

  it('says each thing once', () => {
    const titles = entries.map(([, { title }]) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  it('lets callers try again after every failure that is not theirs', () => {
    const ours = entries.filter(([, { status }]) => status >= 500);
    expect(ours.filter(([, { retryable }]) => !retryable)).toEqual([]);
  });

  it('lets callers try again after no failure of theirs, except those that pass by themselves', () => {
    const theirs = entries.filter(([, { status, retryable }]) => status < 500 && retryable);
    expect(theirs.map(([code]) => code)).toEqual(PASSING_CLIENT_ERRORS);
  });
});
