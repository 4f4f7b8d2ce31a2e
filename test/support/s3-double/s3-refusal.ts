/** What the double answers instead of doing what it is asked to. */
export class S3Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message = 'No.',
    /** Further elements of the error, and headers of the answer. */
    readonly more: {
      readonly members?: Readonly<Record<string, string>>;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(message);
  }
}

/** Elements and their texts; a list is an element that comes several times. */
export type XmlMembers = Readonly<{
  [name: string]: string | number | XmlMembers | readonly XmlMembers[] | undefined;
}>;

export function xml(members: XmlMembers): string {
  return Object.entries(members)
    .flatMap(([name, value]) => (Array.isArray(value) ? value : [value]).map((one) => element(name, one)))
    .join('');
}

function element(name: string, value: string | number | XmlMembers | undefined): string {
  if (value === undefined) return '';
  const inside =
    typeof value === 'object' ? xml(value) : String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<${name}>${inside}</${name}>`;
}

export function errorText({ code, message, more }: S3Refusal): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${xml({ Error: { Code: code, Message: message, ...more.members } })}`;
}
