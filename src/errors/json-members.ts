/** Tells whether an object in JSON, at any depth, has two members of one name: `JSON.parse` drops all but the last. */
export function repeatsMember(json: string): boolean {
  return countMembers(json) !== countMembers(JSON.stringify(JSON.parse(json)));
}

/** Outside of strings, a colon stands behind the name of a member and nowhere else. */
function countMembers(json: string): number {
  const withoutEscapes = json.replaceAll(/\\./g, '');
  const outsideStrings = withoutEscapes.split('"').filter((_, index) => index % 2 === 0);
  return outsideStrings.join('').split(':').length - 1;
}
