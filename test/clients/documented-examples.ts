import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/resumable.md'), 'utf8');
const HOST = 'https://ingester.example';

/** The examples below two headings of docs/resumable.md, as they are printed. @throws Error where there are none. */
export function examplesOf(protocol: string, client: string): readonly string[] {
  const chapter = sectionOf(PAGE, '## ', protocol);
  const section = sectionOf(chapter, '### ', client);
  const examples = [...section.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, text = '']) => text);
  if (examples.length === 0) throw new Error(`"${client}" of "${protocol}" has no example`);
  return examples;
}

/** An example with the host that it is to be run against. @throws Error where it names none. */
export function exampleAt(origin: string, example: string): string {
  if (!example.includes(HOST)) throw new Error(`an example does not name ${HOST}`);
  return example.replaceAll(HOST, origin);
}

function sectionOf(text: string, mark: string, title: string): string {
  const [, ...sections] = text.split(new RegExp(`^${mark}`, 'm'));
  const found = sections.find((section) => section.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`docs/resumable.md has no section "${title}"`);
  return found;
}
