/**
 * The text of a file, without the byte order mark that some editors write before it; undefined where it is in another
 * encoding.
 */
export function utf8Text(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
