import { validate as isUuid } from 'uuid';
import { badHeader } from './tus-headers.js';

/** Where a client is that names uploads by relative paths. */
const BASE = 'http://localhost/api/v1/uploads';
const UPLOAD = /^\/api(?:\/v1)?\/uploads\/([^/]+)\/?$/;

/**
 * The ids of uploads of ours by their URLs, absolute ones or paths. @throws VALIDATION_ERROR for what is no upload of ours
 * @param publicUrl where clients reach the service; its path is that of a proxy, and may stand before ours
 */
export function uploadIdsOf(urls: readonly string[], publicUrl: string): string[] {
  const prefix = URL.parse(publicUrl)?.pathname.replace(/\/$/, '') ?? '';
  return urls.map((url) => {
    const { pathname } = URL.parse(url, BASE) ?? { pathname: '' };
    const path = pathname.startsWith(`${prefix}/`) ? pathname.slice(prefix.length) : pathname;
    const [, id = ''] = UPLOAD.exec(path) ?? [];
    if (!isUuid(id)) throw badHeader('Upload-Concat', 'must name uploads of this service');
    return id.toLowerCase();
  });
}
