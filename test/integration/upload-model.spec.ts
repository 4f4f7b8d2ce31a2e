import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { holdAgainstModel, MODEL_SEED, MODEL_TIMEOUT_MS } from './upload-model.js';
import { UploadReplicas } from './upload-replicas.js';

describe('an upload in any number of requests at one process', () => {
  let replicas: UploadReplicas;

  beforeAll(async () => {
    replicas = await UploadReplicas.start();
  });
  afterAll(() => replicas.close());

  it(
    `keeps what it has told, whatever happens, and becomes one file (seed ${MODEL_SEED})`,
    async () => {
      expect(await holdAgainstModel('at one process', replicas)).toBeGreaterThan(0);
    },
    MODEL_TIMEOUT_MS,
  );
});
