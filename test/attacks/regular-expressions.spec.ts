import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Diagnostics, checkSync } from 'recheck';
import { type RunningApp, startApp } from '../support/app.js';
import { isLongRun } from '../support/long-run.js';
import { RawClient } from '../support/raw-client.js';
import { type SourceExpression, sourceExpressions } from '../support/source-expressions.js';

/*
 * An expression that tries a text again from many places, or reads one part of it in many ways, takes a time that grows
 * with the square of the length or worse, and nothing else is served meanwhile. recheck finds them: by automata, or where
 * an expression has what automata have not, by searching for a text that is dear.
 */

/** Those that only ever see what the operator has written, with why they are as they are. */
const EXCUSED: Readonly<Record<string, string>> = {};

/**
 * Those for which the check takes seconds, and that it has found to be linear: as they are written here they are checked
 * again in a long run alone. One that is changed is another one, and is checked every time.
 */
const FOUND_LINEAR: readonly string[] = [
  /^(ABORT_ERR|UND_ERR_(ABORT|ABORTED|CLOSED|DESTROYED|INVALID_ARG|INVALID_RETURN_VALUE|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)|ERR_INVALID_.*|ERR_HTTP_INVALID_.*)$/,
  /\bingester\.|::\w+|\sFOR (?:NO KEY )?UPDATE(?: OF \w+)?(?: SKIP LOCKED)?/g,
  /^OTEL_(?:METRICS_EXPORTER|LOGS_EXPORTER|EXPORTER_OTLP_(?:METRICS_|LOGS_).*|EXPORTER_OTLP_(?:TRACES_)?(?:COMPRESSION|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE))$/,
  /-----BEGIN ((?:RSA )?PUBLIC KEY|CERTIFICATE)-----[^-]*-----END \1-----/g,
  /(?<!\/)\/+$/,
  /^(?!.*(^|\/)\.{0,2}(\/|$))[\w!.*'()/-]+$/,
].map(String);

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

/** Each text once, however often it is written. */
const different = [...new Map(literals.map((literal) => [literal.text, literal])).values()];
const unchecked = isLongRun ? [] : FOUND_LINEAR;

describe('every regular expression of the product', () => {
  it('is written out, so that it can be checked', () => {
    expect(built).toEqual([]);
    expect(literals.length).toBeGreaterThan(50);
  });

  it('is left to a long run only where it is there', () => {
    const texts = new Set(literals.map(({ text }) => text));
    expect(FOUND_LINEAR.filter((text) => !texts.has(text))).toEqual([]);
  });

  it.each(different.filter(({ text }) => !(text in EXCUSED) && !unchecked.includes(text)))(
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
