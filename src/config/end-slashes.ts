/** `url` without the slashes at its end. The expression begins at the first of them only, so that it stays linear. */
export function withoutEndSlashes(url: string): string {
  return url.replace(/(?<!\/)\/+$/, '');
}
