import { afterAll, beforeAll, it } from '@jest/globals';

/** Has something closed when the test is over: what was opened last, first. */
export type Later = (close: () => Promise<unknown>) => void;

type Test = (later: Later) => Promise<void>;

/** So many of a spec file: more of them would keep the processor busy, and wait for it. */
const AT_ONCE = 4;

const lanes: Promise<void>[] = Array.from({ length: AT_ONCE }, () => Promise.resolve());
let begun = 0;

/**
 * A test that does little but wait, beside others like it in its block: they begin before the first one is looked at.
 * It makes what it needs for itself, since nothing can be done between it and the others.
 */
export function itSideBySide(name: string, test: Test): void {
  let ended: Promise<void> | undefined;

  beforeAll(() => {
    ended = runInLane(test);
  });
  afterAll(() => ended?.catch(() => undefined));

  // oxlint-disable-next-line jest/valid-title, jest/expect-expect -- the test that is given has both
  it(name, () => ended);
}

function runInLane(test: Test): Promise<void> {
  const lane = begun % AT_ONCE;
  begun += 1;
  const ended = Promise.resolve(lanes[lane]).then(() => run(test));
  // Jest hears of a failure when it comes to the test, and the next one in the lane does not.
  lanes[lane] = ended.catch(() => undefined);
  return ended;
}

async function run(test: Test): Promise<void> {
  const opened: (() => Promise<unknown>)[] = [];
  try {
    await test((close) => opened.push(close));
  } finally {
    for (const close of opened.toReversed()) await close();
  }
}
