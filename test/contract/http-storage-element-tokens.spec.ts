import { inspect } from 'node:util';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import {
  bodyInHand,
  bodyOf,
  bodyOfBytes,
  describedFile,
  MIB,
  randomSource,
  wholeBody,
} from '../support/file-bodies.js';
import { httpElementFixture } from './http-element-fixture.js';

const never = new AbortController().signal;

describe('HttpStorageElement', () => {
  const fixture = httpElementFixture();

  describe.each([401, 403] as const)('when the token is refused with %i', (tokenRefusal) => {
    beforeEach(() => {
      fixture.server.options.tokenRefusal = tokenRefusal;
    });

    function countedTokens() {
      const tokens = {
        current: 'old',
        renewals: 0,
        token: () => Promise.resolve(tokens.current),
        renew: () => {
          tokens.renewals += 1;
          tokens.current = 'new';
          return Promise.resolve(tokens.current);
        },
      };
      return tokens;
    }

    it('asks once more with a new one', async () => {
      fixture.server.options.acceptedTokens = ['new'];
      const tokens = countedTokens();
      expect(await fixture.elementWith({}, tokens).stat('some-id')).toBeUndefined();
      expect(tokens.renewals).toBe(1);
      expect(fixture.server.requests).toHaveLength(2);
    });

    it('asks no third time', async () => {
      fixture.server.options.acceptedTokens = [];
      const tokens = countedTokens();
      await expect(fixture.elementWith({}, tokens).stat('some-id')).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
      });
      expect(fixture.server.requests).toHaveLength(2);
    });

    it('sends a file again of which nothing was read', async () => {
      fixture.server.options.acceptedTokens = ['new'];
      const { source, body } = bodyInHand();
      const tokens = countedTokens();
      const put = fixture.elementWith({}, tokens).put(describedFile(), body, never);
      await eventually(() => Promise.resolve(expect(tokens.renewals).toBe(1)));
      source.end('hello');
      await expect(put).resolves.toMatchObject({ size: 5 });
      expect(fixture.server.uploads.map(({ state }) => state)).toEqual(['refused', 'finished']);
    });

    it('sends a file again that is here whole', async () => {
      const put = fixture.elementWith({}, countedTokens()).put(describedFile(), wholeBody('hello'), never);
      await expect(put).resolves.toMatchObject({ size: 5 });
      expect(fixture.server.files.size).toBe(1);
    });

    it('sends a file of no bytes again', async () => {
      fixture.server.options.acceptedTokens = ['new'];
      const put = fixture.elementWith({}, countedTokens()).put(describedFile(), bodyOfBytes(''), never);
      await expect(put).resolves.toMatchObject({ size: 0 });
      expect(fixture.server.uploads.map(({ state }) => state)).toEqual(['refused', 'finished']);
    });

    it('fails a file that was begun, and sends the next with the new token', async () => {
      fixture.server.options.acceptedTokens = ['new'];
      const element = fixture.elementWith({}, countedTokens());
      const begun = element.put(describedFile(), bodyOf(randomSource(MIB)), never);
      await expect(begun).rejects.toMatchObject({
        code: 'STORAGE_FAILED',
        cause: { statusCode: tokenRefusal },
      });
      await expect(element.put(describedFile(), bodyOfBytes('hello'), never)).resolves.toMatchObject({
        size: 5,
      });
    });

    it('asks and sends no second time where there is no other one', async () => {
      fixture.server.options.acceptedTokens = [];
      const tokens = { token: () => Promise.resolve('old'), renew: () => Promise.resolve('old') };
      const element = fixture.elementWith({}, tokens);
      await expect(element.stat('some-id')).rejects.toMatchObject({ cause: { statusCode: tokenRefusal } });
      const put = element.put(describedFile(), bodyInHand().body, never);
      await expect(put).rejects.toMatchObject({ cause: { statusCode: tokenRefusal } });
      expect(fixture.server.requests).toHaveLength(2);
    });

    it('keeps nobody who leaves waiting for a new one', async () => {
      fixture.server.options.acceptedTokens = [];
      const asked = Promise.withResolvers<void>();
      const tokens = {
        token: () => Promise.resolve('old'),
        renew: () => {
          asked.resolve();
          return new Promise<never>(() => undefined);
        },
      };
      const leaving = new AbortController();
      const put = fixture.elementWith({}, tokens).put(describedFile(), bodyInHand().body, leaving.signal);
      await asked.promise;
      leaving.abort(new Error('gone'));
      await expect(put).rejects.toThrow('gone');
    });

    it('shows no token in the error', async () => {
      const tokens = { token: () => Promise.resolve('s3cret'), renew: () => Promise.resolve('s3cret-2') };
      fixture.server.options.acceptedTokens = [];
      const error: unknown = await fixture
        .elementWith({}, tokens)
        .put(describedFile(), bodyOfBytes('hello'), never)
        .catch((thrown: unknown) => thrown);
      expect(inspect(error, { depth: 10 }) + JSON.stringify(error)).not.toContain('s3cret');
    });
  });
});
