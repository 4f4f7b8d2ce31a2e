import { HttpStorageElement } from '../../src/storage/drivers/http/http-storage-element.js';
import { type StorageElementOptions, StorageElementServer } from '../support/storage-element-server.js';
import { NO_TOKENS, SETTINGS } from './http-element-fixture.js';
import { storageElementContract, type Subject } from './storage-element.contract.js';

async function createSubject(options: Partial<StorageElementOptions>): Promise<Subject> {
  const server = await StorageElementServer.start(options);
  const element = new HttpStorageElement({ ...SETTINGS, url: server.url }, NO_TOKENS);
  return {
    element,
    finishedFiles: () =>
      Promise.resolve([...server.files.values()].map(({ size, sha256 }) => ({ size, sha256 }))),
    takenBytes: () => server.uploads[0]?.bytes ?? 0,
    leftOvers: () =>
      Promise.resolve(server.uploads.map(({ state }) => state).filter((state) => state === 'receiving')),
    breakDown: () => server.close(),
    dispose: async () => {
      await element.close();
      await server.close();
    },
  };
}

storageElementContract('HttpStorageElement with artStore', () => createSubject({ generation: 'artStore' }));
storageElementContract('HttpStorageElement with goartstore', () =>
  createSubject({ generation: 'goartstore' }),
);
