import { describe, expect, it } from '@jest/globals';
import { ActiveUploads } from './active-uploads.service.js';

describe('ActiveUploads', () => {
  it('refuses a second upload of an id until the first is over', () => {
    const uploads = new ActiveUploads();
    const first = uploads.begin('a');
    expect(() => uploads.begin('a')).toThrow('UPLOAD_IN_PROGRESS');
    first.finish();
    first.finish();
    expect(() => uploads.begin('a')).not.toThrow();
    expect(uploads.count).toBe(1);
  });

  it('is drained at once when nothing is under way, and takes nothing after that', async () => {
    const uploads = new ActiveUploads();
    expect(await uploads.drain(60_000)).toBe(0);
    expect(() => uploads.begin('a')).toThrow('SHUTTING_DOWN');
  });

  it('waits for an upload that finishes within the grace', async () => {
    const uploads = new ActiveUploads();
    const upload = uploads.begin('a');
    const drained = uploads.drain(60_000);
    expect(upload.signal.aborted).toBe(false);
    upload.finish();
    expect(await drained).toBe(0);
  });

  it('aborts what is still under way after the grace, and waits until that is over', async () => {
    const uploads = new ActiveUploads();
    const upload = uploads.begin('a');
    upload.signal.addEventListener('abort', () => setImmediate(() => upload.finish()));
    expect(await uploads.drain(5)).toBe(1);
    expect(upload.signal.reason).toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(uploads.count).toBe(0);
  });
});
