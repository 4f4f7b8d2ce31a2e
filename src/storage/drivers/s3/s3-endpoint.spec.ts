import { describe, expect, it } from '@jest/globals';
import { queryText, S3Endpoint } from './s3-endpoint.js';

describe('S3Endpoint', () => {
  it.each([
    [{ bucket: 'b1', region: 'eu-west-1' }, 'https://b1.s3.eu-west-1.amazonaws.com', '/k'],
    [{ bucket: 'b1', region: 'cn-north-1' }, 'https://b1.s3.cn-north-1.amazonaws.com.cn', '/k'],
    // A certificate is for one name more, and not for two.
    [{ bucket: 'b.1', region: 'eu-west-1' }, 'https://s3.eu-west-1.amazonaws.com', '/b.1/k'],
    [{ bucket: 'b1', region: 'r', endpoint: 'http://minio:9000' }, 'http://minio:9000', '/b1/k'],
    [{ bucket: 'b1', region: 'r', endpoint: 'http://gate/s3/' }, 'http://gate', '/s3/b1/k'],
    [
      { bucket: 'b1', region: 'r', endpoint: 'https://x.test:8443', pathStyle: false },
      'https://b1.x.test:8443',
      '/k',
    ],
  ])('of %j', (settings, origin, path) => {
    const endpoint = new S3Endpoint(settings);
    expect([endpoint.origin, endpoint.path('k')]).toEqual([origin, path]);
    expect(endpoint.host).toBe(origin.replace(/^https?:\/\//, ''));
  });

  it('encodes each part of a key once', () => {
    const endpoint = new S3Endpoint({ bucket: 'b1', region: 'r' });
    expect(endpoint.path("in here/(ü)+!'*~_.txt")).toBe('/in%20here/%28%C3%BC%29%2B%21%27%2A~_.txt');
  });

  it('sorts a query as it is signed', () => {
    expect(queryText({ uploads: '', prefix: 'a/b c', 'key-marker': 'ß' })).toBe(
      'key-marker=%C3%9F&prefix=a%2Fb%20c&uploads=',
    );
  });
});
