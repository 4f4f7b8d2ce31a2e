import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeWithMockServer, startMockServer, type MockServer } from '../support/mockserver.js';
import { authFlows } from './auth.flows.js';
import { faultFlows } from './fault.flows.js';
import { storageFlows } from './storage.flows.js';
import { uploadFlows } from './upload.flows.js';

/** One MockServer for all flows: it takes seconds to start, and where it cannot, that is said once. */
describeWithMockServer('with MockServer behind it, the service', () => {
  let mock: MockServer;

  beforeAll(async () => {
    mock = await startMockServer();
  }, 90_000);

  afterAll(() => mock.stop());

  describe('passes uploads on and', () => {
    uploadFlows(() => mock);
  });
  describe('proves identities and', () => {
    authFlows(() => mock);
  });
  describe('lives with storage elements and', () => {
    storageFlows(() => mock);
  });
  describe('is asked for a file', () => {
    faultFlows(() => mock);
  });
});
