import { ServiceError } from '../../errors/service-error.js';

const MAX_CHARACTERS = 255;
// oxlint-disable-next-line no-control-regex -- control characters are what is taken out
const CONTROL_CHARACTERS = /[\0-\x1f\x7f-\x9f]/gu;
/** `C:\dir\…`, `\\server\share\…`, `..\…`; anywhere else a backslash may be part of a name. */
const WINDOWS_PATH = /^(?:[a-z]:[/\\]|\\{2,}[^/\\]+[/\\]|\.{1,2}\\)/i;

/**
 * The name as the user gave it, without path parts and control characters; undefined where nothing is left. It is
 * shown and passed on, and never used as a path.
 * @throws VALIDATION_ERROR when it is longer than 255 characters.
 */
export function cleanFileName(given: string): string | undefined {
  const path = given.replaceAll(CONTROL_CHARACTERS, '');
  const separator = WINDOWS_PATH.test(path) ? /[/\\]/ : '/';
  const name = path.split(separator).at(-1)?.trim() ?? '';
  if (Array.from(name).length > MAX_CHARACTERS) {
    const message = `must be at most ${MAX_CHARACTERS} characters`;
    throw new ServiceError('VALIDATION_ERROR', 'The file name is too long.', {
      fields: [{ field: 'filename', message }],
    });
  }
  return name === '' || name === '.' || name === '..' ? undefined : name;
}
