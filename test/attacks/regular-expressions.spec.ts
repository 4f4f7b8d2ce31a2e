import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Diagnostics, checkSync } from 'recheck';
import { type RunningApp, startApp } from '../support/app.js';
import { RawClient } from '../support/raw-client.js';
import { type SourceExpression, sourceExpressions } from '../support/source-expressions.js';

/*
 * An expression that tries a text again from many places, or reads one part of it in many ways, takes a time that grows
 * with the square of the length or worse, and nothing else is served meanwhile. recheck finds them: by automata, or where
 * an expression has what automata have not, by searching for a text that is dear.
 */

/** Those that only ever see what the operator has written, with why they are as they are. */
const EXCUSED: Readonly<Record<string, string>> = {};

/** A search ends by its seed and its number of steps, so that a slow machine finds the same. */
const SEARCH = {
  timeout: 60_000,
  randomSeed: 1,
  // A text for which one of these is over counts as dear.
  seedingTimeout: 60_000,
  incubationTimeout: 60_000,
  attackTimeout: 60_000,
};

const { literals, built } = sourceExpressions();

describe('every regular expression of the product', () => {
  it('is written out, so that it can be checked', () => {
    expect(built).toEqual([]);
    expect(literals.length).toBeGreaterThan(50);
  });

  it.each(literals.filter(({ text }) => !(text in EXCUSED)))(
    'takes a time that is linear: $place $text',
    (expression) => {
      expect(findingOf(expression)).toBe('');
    },
  );

  it('is excused only where it is there and is not linear', () => {
    const excused = Object.keys(EXCUSED).map((text) => literals.find((literal) => literal.text === text));
    expect(excused.filter((literal) => !literal || findingOf(literal) === '')).toEqual([]);
  });
});

describe('an Accept header with many blanks before a version', () => {
  let service: RunningApp;

  beforeAll(async () => {
    service = await startApp();
  });
  afterAll(() => service.close());

  it('costs about what another one of its length costs', async () => {
    const times = { attack: Infinity, harmless: Infinity };
    // In turns, and by the quickest of each, so that a busy machine decides nothing.
    for (let round = 0; round < 15; round++) {
      times.harmless = Math.min(times.harmless, await timeOf(`text/${'x'.repeat(15_500)}`));
      times.attack = Math.min(
        times.attack,
        await timeOf(`application/json;version=${' '.repeat(15_500)}"""`),
      );
    }
    expect(times.attack / times.harmless).toBeLessThan(10);
  });

  async function timeOf(accept: string): Promise<number> {
    const client = await RawClient.connect(service.port);
    const startedAt = performance.now();
    await client.head('GET /api/files/nowhere', { Accept: accept }).response();
    client.close();
    return performance.now() - startedAt;
  }
});

describe('the check', () => {
  it.each([
    ['a run of blanks that two parts may take', String.raw`^a=\s*([^"]*)"?$`],
    ['a search that begins anew at every place', String.raw`\s+$`],
    ['nested repetition', '^(a+)+$'],
  ])('finds %s', (_, source) => {
    expect(findingOf({ place: '', text: source, source, flags: '' })).toContain('.repeat(');
  });
});

/** What is wrong with an expression, with a text that shows it; empty where nothing is. */
function findingOf({ place, text, source, flags }: SourceExpression): string {
  const found: Diagnostics = checkSync(source, flags, SEARCH);
  if (found.status === 'safe') return '';
  const finding =
    found.status === 'vulnerable'
      ? `${found.complexity.type} time for ${found.attack.pattern}`
      : `not checked: ${found.error.kind}`;
  return `${place} ${text} ${finding}`;
}
