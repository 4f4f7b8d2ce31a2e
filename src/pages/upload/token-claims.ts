/** What a token says of itself. Nothing here checks it: the service does. */
interface TokenClaims {
  readonly subject?: string;
  readonly expiresAtMs?: number;
}

/** Whose token it is, and how long it is good; nothing where it is none that can be read. */
export function claimsOf(token: string): TokenClaims {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(payload), (sign) => sign.charCodeAt(0));
    const claims: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims !== 'object' || claims === null) return {};
    return {
      ...('sub' in claims && typeof claims.sub === 'string' && { subject: claims.sub }),
      ...('exp' in claims && typeof claims.exp === 'number' && { expiresAtMs: claims.exp * 1000 }),
    };
  } catch {
    return {};
  }
}

/** A token as it was pasted, without what is often copied along with it. */
export function cleanToken(text: string): string {
  return text.trim().replace(/^(authorization:\s*)?bearer\s+/i, '');
}

/** Can a header carry it? */
export function isSendable(token: string): boolean {
  return /^[\x21-\x7e]+$/.test(token);
}
