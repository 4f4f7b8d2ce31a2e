import { httpDriver } from './drivers/http/http-driver.js';
import { localDriver } from './drivers/local/local-driver.js';
import { s3Driver } from './drivers/s3/s3-driver.js';
import type { StorageDriver } from './storage-driver.js';

/** The token under which Nest gives out the drivers. */
export const STORAGE_DRIVERS = Symbol('storage drivers');

/** Every driver that a storage element may have. A new one takes its place here. */
export const storageDrivers: readonly StorageDriver[] = [httpDriver, localDriver, s3Driver];
