import { validate as isUuid } from 'uuid';
import { badHeader } from './tus-headers.js';

/** The ids of uploads of ours by their URLs, absolute ones or paths. @throws VALIDATION_ERROR for what is no upload of ours */
export function uploadIdsOf(urls: readonly string[], path: string): string[] {
  return urls.map((url) => {
    const { pathname } = URL.parse(url, 'http://localhost') ?? { pathname: '' };
    const id = pathname.startsWith(path) ? pathname.slice(path.length) : '';
    if (!isUuid(id)) throw badHeader('Upload-Concat', 'must name uploads of this service');
    return id.toLowerCase();
  });
}
