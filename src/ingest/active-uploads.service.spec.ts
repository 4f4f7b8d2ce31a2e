import { describe, expect, it } from '@jest/globals';
import type { Caller } from '../auth/caller.js';
import type { MeasuredUpload } from '../observability/upload-metrics.js';
import { type ActiveUpload, ActiveUploads } from './active-uploads.service.js';

const caller = { subject: 'alice' } as Caller;
const measured = (bytes = 0): MeasuredUpload => {
  return { counts: () => undefined, end: () => undefined, receivedBytes: () => bytes };
};

const NOT_DRAINED = { isDrained: false };

function enter(uploads: ActiveUploads, uploadId = 'a', bytes = 0): ActiveUpload {
  return uploads.enter({ uploadId, protocol: 'raw', caller, declaredBytes: 10 }, measured(bytes));
}

function begin(uploads: ActiveUploads, uploadId = 'a'): ActiveUpload {
  const upload = enter(uploads, uploadId);
  uploads.begin(upload);
  return upload;
}

describe('ActiveUploads', () => {
  it('refuses a second upload of an id until the first is over', () => {
    const uploads = new ActiveUploads(NOT_DRAINED);
    const first = begin(uploads);
    const second = enter(uploads);
    expect(() => uploads.begin(second)).toThrow('UPLOAD_IN_PROGRESS');
    second.finish();
    expect(() => begin(uploads)).toThrow('UPLOAD_IN_PROGRESS');
    first.finish();
    first.finish();
    expect(() => begin(uploads)).not.toThrow();
    expect(uploads.count).toBe(1);
  });

  it('is drained at once when nothing is under way, and takes nothing after that', async () => {
    const uploads = new ActiveUploads(NOT_DRAINED);
    enter(uploads);
    expect(await uploads.drain(60_000)).toBe(0);
    expect(() => begin(uploads)).toThrow('SHUTTING_DOWN');
  });

  it('waits for an upload that finishes within the grace', async () => {
    const uploads = new ActiveUploads(NOT_DRAINED);
    const upload = begin(uploads);
    const drained = uploads.drain(60_000);
    expect(upload.signal.aborted).toBe(false);
    upload.finish();
    expect(await drained).toBe(0);
  });

  it('aborts what is still under way after the grace, and waits until that is over', async () => {
    const uploads = new ActiveUploads(NOT_DRAINED);
    const upload = begin(uploads);
    upload.signal.addEventListener('abort', () => setImmediate(() => upload.finish()));
    expect(await uploads.drain(5)).toBe(1);
    expect(upload.signal.reason).toMatchObject({ code: 'SHUTTING_DOWN' });
    expect(uploads.count).toBe(0);
  });

  it('shows how far each upload is, from its coming to its end', () => {
    const uploads = new ActiveUploads(NOT_DRAINED);
    const upload = enter(uploads, 'a', 7);
    const seen = (): unknown => uploads.all;
    const facts = { uploadId: 'a', protocol: 'raw', caller: 'alice', declaredBytes: 10, receivedBytes: 7 };
    expect(seen()).toMatchObject([{ ...facts, phase: 'waiting', bytesPerSecond: 0, attempts: 0 }]);
    uploads.begin(upload);
    expect(seen()).toMatchObject([{ ...facts, phase: 'receiving', target: undefined }]);
    expect(upload.progress.bytesPerSecond).toBeGreaterThan(0);
    const body = { complete: false };
    upload.progress.follows(body);
    upload.progress.sendsTo('storage:se-01');
    upload.progress.sendsTo('storage:se-02');
    expect(seen()).toMatchObject([{ phase: 'receiving', target: 'storage:se-02', attempts: 2 }]);
    body.complete = true;
    expect(seen()).toMatchObject([{ phase: 'storing' }]);
    upload.progress.accepts();
    expect(seen()).toMatchObject([{ phase: 'accepting' }]);
    upload.finish();
    expect(seen()).toEqual([]);
  });

  it('stops an upload that waits or is under way, and none that is promised or goes on by itself', () => {
    const uploads = new ActiveUploads(NOT_DRAINED);
    const error = new Error('stopped');
    expect(uploads.stop('a', error)).toBe('absent');
    const waiting = enter(uploads, 'a');
    const running = begin(uploads, 'b');
    expect([uploads.stop('a', error), uploads.stop('b', error)]).toEqual(['stopped', 'stopped']);
    expect([waiting.signal.reason, running.signal.reason]).toEqual([error, error]);

    const promised = begin(uploads, 'c');
    promised.progress.follows({ complete: true });
    promised.progress.accepts();
    const onItsWay = begin(uploads, 'd');
    onItsWay.progress.goesOn();
    expect(onItsWay.progress.phase).toBe('storing');
    expect([uploads.stop('c', error), uploads.stop('d', error)]).toEqual(['too_late', 'too_late']);
    expect([promised.signal.aborted, onItsWay.signal.aborted]).toEqual([false, false]);
  });
});
