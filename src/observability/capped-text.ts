/** Longest text of somebody else in a log line, in characters. */
const MOST_CHARACTERS = 1024;

/** `text` as a log line has it: one of a client or another service may be of any length, and is cut with a mark. */
export function cappedText(text: string, most = MOST_CHARACTERS): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}
