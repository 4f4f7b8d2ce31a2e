import { afterEach, beforeEach } from '@jest/globals';
import {
  HttpStorageElement,
  type HttpStorageElementSettings,
} from '../../src/storage/drivers/http/http-storage-element.js';
import { StorageElementServer } from '../support/storage-element-server.js';

/** Settings with which nothing times out by chance. */
export const SETTINGS = {
  id: 'http',
  connectMs: 10_000,
  stallMs: 30_000,
  minBytesPerSecond: 0,
  rateWindowMs: 5000,
  commitMs: 30_000,
  requestMs: 30_000,
  maxConnections: 32,
  acceptsEmptyFiles: true,
};

/** What a driver wants of our service tokens. */
export interface Tokens {
  token(): Promise<string | undefined>;
  renew(rejected: string): Promise<string | undefined>;
}

export const NO_TOKENS: Tokens = {
  token: () => Promise.resolve(undefined),
  renew: () => Promise.resolve(undefined),
};

export interface HttpElementFixture {
  /** A new one for each test. */
  readonly server: StorageElementServer;
  /** Makes a driver for it that is closed after the test. */
  elementWith(settings?: Partial<HttpStorageElementSettings>, tokens?: Tokens): HttpStorageElement;
}

/** Starts a storage element for each test of the block in which it is called. */
export function httpElementFixture(): HttpElementFixture {
  let server: StorageElementServer | undefined;
  const opened: HttpStorageElement[] = [];
  const running = (): StorageElementServer => {
    if (!server) throw new Error('the storage element runs only during a test');
    return server;
  };

  beforeEach(async () => {
    server = await StorageElementServer.start();
  });

  afterEach(async () => {
    await server?.close();
    await Promise.all(opened.splice(0).map((element) => element.close()));
  });

  return {
    get server() {
      return running();
    },
    elementWith: (settings = {}, tokens = NO_TOKENS) => {
      const element = new HttpStorageElement({ ...SETTINGS, url: running().url, ...settings }, tokens);
      opened.push(element);
      return element;
    },
  };
}
