import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { preferencesOf, prefersAsync } from './preferences.js';

const asking = (prefer?: string): IncomingMessage => ({ headers: { prefer } }) as unknown as IncomingMessage;

describe('preferencesOf', () => {
  // The examples of RFC 7240 section 2, and what its grammar allows beside them.
  it.each<[string, Record<string, string>]>([
    ['respond-async, wait=100, handling=lenient', { 'respond-async': '', wait: '100', handling: 'lenient' }],
    ['foo; bar', { foo: '' }],
    ['foo; bar=""', { foo: '' }],
    ['foo=""; bar', { foo: '' }],
    ['Respond-Async', { 'respond-async': '' }],
    ['wait = 10 ; a = "b,c;d" ;; e , respond-async', { wait: '10', 'respond-async': '' }],
    ['a="b, respond-async"', { a: 'b, respond-async' }],
    [String.raw`a="x\"y\\z"`, { a: String.raw`x"y\z` }],
    ['wait=10, wait=20', { wait: '10' }],
    [' , ,respond-async, ,', { 'respond-async': '' }],
    ['(bad), a b, =c, respond-async', { 'respond-async': '' }],
    ['a="unterminated, respond-async', {}],
    ['', {}],
  ])('reads %j', (header, preferences) => {
    expect(Object.fromEntries(preferencesOf(asking(header)))).toEqual(preferences);
  });

  it('finds none where there is no header', () => {
    expect(preferencesOf(asking()).size).toBe(0);
  });

  it.each(['"', ';', ',', ' ', 'a', '\\', '= ', '; ', '"\\'])('reads a long run of %j at once', (piece) => {
    const begun = process.cpuUsage();
    preferencesOf(asking(`a${piece.repeat(16_000)}`));
    expect(process.cpuUsage(begun).user).toBeLessThan(200_000);
  });
});

describe('prefersAsync', () => {
  it.each([
    ['respond-async', true],
    ['wait=5, RESPOND-ASYNC; x=1', true],
    ['respond-async=""', true],
    ['respond-async=no', false],
    ['x="respond-async"', false],
    ['wait=5', false],
  ])('says of %j: %s', (header, expected) => {
    expect(prefersAsync(asking(header))).toBe(expected);
  });
});
