/** Numbers from 0 to below 1 that a seed always gives in the same order (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Random = () => number;
type Mutation = (bytes: Buffer, random: Random) => Buffer;

const pick = <T>(values: readonly T[], random: Random): T => {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('there is nothing to pick from');
  return value;
};
const place = (bytes: Buffer, random: Random): number => Math.floor(random() * (bytes.length + 1));

function stretch(bytes: Buffer, random: Random, longest: number): [start: number, end: number] {
  const start = place(bytes, random);
  return [start, Math.min(bytes.length, start + Math.ceil(random() * longest))];
}

/** What means something to a parser of HTTP, of MIME or of JSON. */
const TOKENS = [
  '\r\n',
  '\r\n\r\n',
  '\n',
  '\r',
  '\0',
  '--',
  '\r\n--',
  '; filename="',
  '; name="file"',
  '"',
  '\\',
  ':',
  ' ',
  '\t',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Type: multipart/form-data; boundary=x\r\n',
  'GET /health HTTP/1.1\r\n\r\n',
  '0\r\n\r\n',
  '\u00ff\u00fe',
  'A'.repeat(40_000),
  '%00',
  '[[[[[[[[',
];

const mutations: readonly Mutation[] = [
  // Cut off.
  (bytes, random) => bytes.subarray(0, place(bytes, random)),
  // Some bytes are others.
  (bytes, random) => {
    const changed = Buffer.from(bytes);
    for (let count = Math.ceil(random() * 8); count > 0; count -= 1)
      if (changed.length > 0) changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256);
    return changed;
  },
  // A stretch is left out.
  (bytes, random) => {
    const [start, end] = stretch(bytes, random, 64);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  // A stretch is there twice.
  (bytes, random) => {
    const [start, end] = stretch(bytes, random, 400);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
  },
  // Something is put in.
  (bytes, random) => {
    const at = place(bytes, random);
    return Buffer.concat([bytes.subarray(0, at), Buffer.from(pick(TOKENS, random)), bytes.subarray(at)]);
  },
  // Two stretches change places.
  (bytes, random) => {
    const cuts = [place(bytes, random), place(bytes, random), place(bytes, random)].toSorted((a, b) => a - b);
    const [first = 0, second = 0, third = 0] = cuts;
    const part = (from: number, to?: number): Buffer => bytes.subarray(from, to);
    return Buffer.concat([part(0, first), part(second, third), part(first, second), part(third)]);
  },
];

/** `bytes` with one to three faults in them. */
export function mutated(bytes: Buffer, random: Random): Buffer {
  let changed = bytes;
  for (let count = Math.ceil(random() * 3); count > 0; count -= 1)
    changed = pick(mutations, random)(changed, random);
  return changed;
}
