import { existsSync } from 'node:fs';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  S3Client,
} from '@aws-sdk/client-s3';
import { gatewayPath, startGateway } from './versity-gateway.js';

/** A store that was not written for these tests. */
export interface RealStore {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): Promise<void>;
}

/** Is there one that runs, or one that can be started? That is left to `npm run test:s3`, so that it is not all tested twice. */
export function hasRealStore(): boolean {
  if (process.env.S3_TEST_ENDPOINT) return true;
  return process.env.S3_TEST_GATEWAY === '1' && existsSync(gatewayPath());
}

/** The one that `S3_TEST_ENDPOINT` and the like name, or else a versitygw, which runs until `close`; with its bucket. */
export async function openRealStore(): Promise<RealStore> {
  const store = namedStore() ?? { region: 'us-east-1', bucket: 'ingester-test', ...(await startGateway()) };
  const sdk = sdkFor(store);
  await makeBucket(sdk, store);
  sdk.destroy();
  return store;
}

function namedStore(): RealStore | undefined {
  const {
    S3_TEST_ENDPOINT,
    S3_TEST_REGION,
    S3_TEST_BUCKET,
    S3_TEST_ACCESS_KEY_ID,
    S3_TEST_SECRET_ACCESS_KEY,
  } = process.env;
  if (!S3_TEST_ENDPOINT) return undefined;
  return {
    endpoint: S3_TEST_ENDPOINT,
    region: S3_TEST_REGION ?? 'us-east-1',
    bucket: S3_TEST_BUCKET ?? 'ingester-test',
    credentials: {
      accessKeyId: S3_TEST_ACCESS_KEY_ID ?? '',
      secretAccessKey: S3_TEST_SECRET_ACCESS_KEY ?? '',
    },
    close: () => Promise.resolve(),
  };
}

type Access = Pick<RealStore, 'endpoint' | 'region' | 'credentials'>;

export function sdkFor({ endpoint, region, credentials }: Access): S3Client {
  return new S3Client({ endpoint, region, credentials, forcePathStyle: true });
}

/** Makes the bucket where there is none. */
async function makeBucket(sdk: S3Client, { bucket }: RealStore): Promise<void> {
  await sdk.send(new CreateBucketCommand({ Bucket: bucket })).catch((error: unknown) => {
    if (!/BucketAlready/.test(String(error))) throw error;
  });
}

export async function keysUnder(sdk: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const { Contents = [] } = await sdk.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  return Contents.map(({ Key = '' }) => Key);
}

export async function uploadsUnder(sdk: S3Client, bucket: string, prefix: string): Promise<string[]> {
  const { Uploads = [] } = await sdk.send(
    new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }),
  );
  return Uploads.map(({ Key = '' }) => Key);
}

export async function bytesOf(sdk: S3Client, bucket: string, key: string): Promise<Buffer> {
  const { Body } = await sdk.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}
