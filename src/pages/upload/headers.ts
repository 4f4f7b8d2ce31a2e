/** Signs that RFC 8187 lets stand as they are. */
const PLAIN = /[A-Za-z0-9!#$&+\-.^_`|~]/;

/** `Content-Disposition` with the name of a file (RFC 6266, RFC 8187). */
export function dispositionOf(name: string): string {
  const bytes = new TextEncoder().encode(name);
  const encoded = Array.from(bytes, (byte) => {
    const sign = String.fromCharCode(byte);
    return PLAIN.test(sign) ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  });
  return `attachment; filename*=UTF-8''${encoded.join('')}`;
}

/** `Upload-Metadata` of tus: keys, each with its value in base64. What is empty is left out. */
export function metadataOf(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .filter(([, value]) => value !== '')
    .map(([key, value]) => `${key} ${base64(value)}`)
    .join(',');
}

function base64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
