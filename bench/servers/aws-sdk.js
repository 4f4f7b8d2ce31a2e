/** What one writes with the SDK of AWS: large files as a stream by lib-storage, with its defaults; small ones by PutObject. No token, no hash. */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';

/** The smallest part that there may be, which lib-storage has by default. */
const PART_BYTES = 5 * 1024 * 1024;
const { S3_ENDPOINT, S3_REGION, S3_BUCKET, S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = process.env;

const client = new S3Client({
  endpoint: S3_ENDPOINT,
  region: S3_REGION,
  credentials: { accessKeyId: S3_ACCESS_KEY_ID, secretAccessKey: S3_SECRET_ACCESS_KEY },
  forcePathStyle: true,
});

async function store(incoming, outgoing) {
  const object = { Bucket: S3_BUCKET, Key: `sdk/${randomUUID()}` };
  const isLarge = Number(incoming.headers['content-length']) > PART_BYTES;
  if (isLarge) await new Upload({ client, params: { ...object, Body: incoming } }).done();
  else await client.send(new PutObjectCommand({ ...object, Body: await buffer(incoming) }));
  outgoing.writeHead(201).end();
}

const server = createServer({ requestTimeout: 0 }, (incoming, outgoing) => {
  store(incoming, outgoing).catch((error) => outgoing.writeHead(500).end(String(error)));
});
server.listen(Number(process.env.PORT), '127.0.0.1');
