/** A file up to this size is waited for, and placed out of memory: it never becomes a stream. */
export const MAX_WHOLE_BYTES = 64 * 1024;
