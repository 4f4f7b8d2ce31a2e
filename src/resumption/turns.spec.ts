import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.js';

describe('turns at an upload', () => {
  it('are given one after the other', async () => {
    const turns = new Turns();
    const first = await turns.take(false);
    let isSecondThere = false;
    const second = turns.take(false).then((turn) => {
      isSecondThere = true;
      return turn;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isSecondThere).toBe(false);
    first.release();
    first.release();
    (await second).release();
    expect(turns.areOver).toBe(true);
  });

  it('end the one that is at work when another is wanted', async () => {
    const turns = new Turns();
    const writer = await turns.take(true);
    const reader = turns.take(false);
    expect(writer.signal.aborted).toBe(true);
    expect(writer.signal.reason).toMatchObject({ code: 'UPLOAD_IN_PROGRESS' });
    writer.release();
    (await reader).release();
  });

  it('are not given to one that brings bytes and was overtaken while it waited', async () => {
    const turns = new Turns();
    const first = await turns.take(true);
    const overtaken = turns.take(true);
    const last = turns.take(true);
    first.release();
    await expect(overtaken).rejects.toMatchObject({ code: 'UPLOAD_IN_PROGRESS' });
    const turn = await last;
    expect(turn.signal.aborted).toBe(false);
    turn.release();
    expect(turns.areOver).toBe(true);
  });

  it('are given to those who only look, however many come', async () => {
    const turns = new Turns();
    const seen = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const turn = await turns.take(false);
        turn.release();
        return true;
      }),
    );
    expect(seen).toHaveLength(20);
    expect(turns.areOver).toBe(true);
  });
});
