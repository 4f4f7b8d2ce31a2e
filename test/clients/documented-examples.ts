import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const HOST = 'https://ingester.example';

/** The examples below two headings of a page, as they are printed. @throws Error where there are none. */
export function examplesOf(heading: string, subheading: string, page = 'resumable.md'): readonly string[] {
  const text = readFileSync(join(import.meta.dirname, '../../docs', page), 'utf8');
  const chapter = sectionOf(text, '## ', heading);
  const section = sectionOf(chapter, '### ', subheading);
  const examples = [...section.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, example = '']) => example);
  if (examples.length === 0) throw new Error(`"${subheading}" of "${heading}" has no example`);
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
  if (found === undefined) throw new Error(`the page has no section "${title}"`);
  return found;
}
