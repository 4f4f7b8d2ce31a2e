import { describe, expect, it } from '@jest/globals';
import type { Caller } from '../auth/caller.js';
import { RecentUploads } from './recent-uploads.js';
import { UploadProgress } from './upload-progress.js';

const caller = { subject: 'alice' } as Caller;

function upload(uploadId: string, bytes = 7): UploadProgress {
  const measured = { counts: () => undefined, end: () => undefined, receivedBytes: () => bytes };
  return new UploadProgress({ uploadId, protocol: 'raw', caller }, measured);
}

describe('RecentUploads', () => {
  it('remembers what is known of an end', () => {
    const recent = new RecentUploads();
    const failed = upload('a');
    failed.sendsTo('storage:se-01');
    recent.add(failed, 'failed', 'STORAGE_FAILED');
    expect(recent.all).toEqual([
      {
        uploadId: 'a',
        protocol: 'raw',
        caller: 'alice',
        outcome: 'failed',
        code: 'STORAGE_FAILED',
        bytes: 7,
        durationMs: expect.any(Number),
        target: 'storage:se-01',
        endedAtMs: expect.any(Number),
      },
    ]);
  });

  it('remembers as many as it is long, the newest first', () => {
    const recent = new RecentUploads(3);
    const ids = (): string[] => recent.all.map(({ uploadId }) => uploadId);
    recent.add(upload('a'), 'stored');
    recent.add(upload('b'), 'stored');
    expect(ids()).toEqual(['b', 'a']);
    for (const id of ['c', 'd', 'e']) recent.add(upload(id), 'stored');
    expect(ids()).toEqual(['e', 'd', 'c']);
    recent.add(upload('f'), 'stored');
    expect(ids()).toEqual(['f', 'e', 'd']);
  });

  it('takes a part of an upload that goes on for no end', () => {
    const recent = new RecentUploads();
    recent.add(upload('a'), 'received');
    expect(recent.all).toEqual([]);
  });
});
