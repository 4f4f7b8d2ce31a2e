import { decodeJwt } from 'jose';
import type { StoredFile } from '../../storage-element.js';

/**
 * An element may name the one who called it, which is us, where it could name the user that we named to it.
 * Then it is not known who uploaded the file.
 */
export function withoutOwnName(file: StoredFile, clientId: string | undefined, token?: string): StoredFile {
  const { uploadedBy, ...rest } = file;
  const isOwn = uploadedBy === clientId || (token !== undefined && uploadedBy === subjectOf(token));
  return isOwn ? rest : file;
}

/** Undefined for a token that is no JWT: it is opaque to us then (RFC 6749 section 1.4). */
function subjectOf(token: string): string | undefined {
  try {
    return decodeJwt(token).sub;
  } catch {
    return undefined;
  }
}
