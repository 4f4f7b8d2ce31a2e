import { describe, expect, it } from '@jest/globals';
import { servesDocs } from './openapi.js';

describe('the documentation', () => {
  it.each([
    ['development', undefined, true],
    ['test', undefined, true],
    ['production', undefined, false],
    ['production', true, true],
    ['development', false, false],
  ] as const)('in %s with DOCS_ENABLED %s is served: %s', (NODE_ENV, DOCS_ENABLED, served) => {
    expect(servesDocs({ NODE_ENV, DOCS_ENABLED })).toBe(served);
  });
});
