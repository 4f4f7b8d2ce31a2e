import { describe, expect, it } from '@jest/globals';
import { LineWriter } from './line-writer.js';

const failure = (code: string): Error => Object.assign(new Error(code), { code });

/** Takes what `room` says, one entry for each call: so many bytes at most, or an error. Without an entry, all. */
class Disk {
  text = '';
  calls = 0;

  constructor(private readonly room: (number | Error)[] = []) {}

  readonly write = (bytes: Uint8Array): Promise<number> => {
    this.calls += 1;
    const room = this.room.shift() ?? bytes.length;
    if (room instanceof Error) return Promise.reject(room);
    this.text += Buffer.from(bytes).toString('utf8', 0, room);
    return Promise.resolve(Math.min(room, bytes.length));
  };
}

describe('a writer of lines', () => {
  it('writes them in order, those that came meanwhile with one call', async () => {
    const disk = new Disk();
    const writer = new LineWriter(disk.write, 1_000);
    for (const line of ['one\n', 'two\n', 'three\n']) writer.write(line);
    await writer.flush(1_000);
    expect([disk.text, disk.calls, writer.droppedLines]).toEqual(['one\ntwo\nthree\n', 2, 0]);
  });

  it('gathers those that come soon after a call, but not those that would be more than one call', async () => {
    const disk = new Disk();
    const writer = new LineWriter(disk.write, 1_000_000, 1_000);
    writer.write('one\n');
    await new Promise(setImmediate);
    for (const line of ['two\n', 'three\n']) {
      writer.write(line);
      await new Promise(setImmediate);
    }
    expect([disk.text, writer.rest()]).toEqual(['one\n', 'two\nthree\n']);
    await writer.flush(10_000);
    expect(disk.calls).toBe(2);
    for (let line = 0; line < 4; line += 1) writer.write(`${'x'.repeat(60_000)}\n`);
    await new Promise(setImmediate);
    expect(writer.rest().length).toBeLessThan(64 * 1024);
    await writer.flush(10_000);
  });

  it('goes on where a part was taken, and after a reader that takes nothing for a while', async () => {
    const disk = new Disk([2, 0, failure('EAGAIN'), 1]);
    const writer = new LineWriter(disk.write, 1_000);
    writer.write('a line\n');
    await writer.flush(10_000);
    expect([disk.text, disk.calls, writer.droppedLines]).toEqual(['a line\n', 5, 0]);
  });

  it.each(['ENOSPC', 'EIO', 'EPIPE', 'EBADF'])(
    'drops and counts what is refused with %s, and tries the next',
    async (code) => {
      const disk = new Disk([failure(code), failure(code)]);
      const writer = new LineWriter(disk.write, 1_000);
      for (const line of ['one\n', 'two\n', 'three\n']) writer.write(line);
      await writer.flush(1_000);
      writer.write('four\n');
      await writer.flush(1_000);
      expect([disk.text, writer.droppedLines]).toEqual(['four\n', 3]);
    },
  );

  it('begins a new line after one that was cut, and counts what is not there whole', async () => {
    const disk = new Disk([4, 'two\nth'.length, failure('ENOSPC')]);
    const writer = new LineWriter(disk.write, 1_000);
    for (const line of ['one\n', 'two\n', 'three\n', 'four\n']) writer.write(line);
    await writer.flush(1_000);
    writer.write('five\n');
    await writer.flush(1_000);
    expect([disk.text, writer.droppedLines]).toEqual(['one\ntwo\nth\nfive\n', 2]);
  });

  it('drops the newest beyond what may wait, and counts in bytes', async () => {
    const reader = Promise.withResolvers<number>();
    const writer = new LineWriter(() => reader.promise, 10);
    // The first one is on its way and does not wait any more.
    for (const line of ['first\n', 'ääää\n', 'b\n', '\n']) writer.write(line);
    expect([writer.droppedLines, writer.rest()]).toEqual([1, 'ääää\n\n']);
  });

  it('gives a line of any length to the system whole', async () => {
    const disk = new Disk();
    const writer = new LineWriter(disk.write, 10_000_000);
    const long = `${'x'.repeat(200_000)}\n`;
    for (const line of ['a\n', long, 'b\n']) writer.write(line);
    await writer.flush(10_000);
    expect(disk.text === `a\n${long}b\n`).toBe(true);
  });

  it('ends without a call that does not come back, and says so', async () => {
    const writer = new LineWriter(() => new Promise<never>(() => undefined), 1_000);
    writer.write('lost\n');
    writer.write('waits\n');
    expect([await writer.close(10), writer.rest()]).toEqual([false, 'waits\n']);
  });

  it('ends while a reader takes nothing, and still has what it did not take', async () => {
    const writer = new LineWriter(() => Promise.reject(failure('EAGAIN')), 1_000);
    writer.write('one\n');
    writer.write('two\n');
    expect([await writer.close(10), writer.rest()]).toEqual([true, 'one\ntwo\n']);
  });

  it('ends at once when all is written', async () => {
    const writer = new LineWriter(new Disk().write, 1_000);
    await writer.flush(3_600_000);
    writer.write('a\n');
    expect([await writer.close(3_600_000), writer.rest()]).toEqual([true, '']);
  });
});
