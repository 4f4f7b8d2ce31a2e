/** What else stands before an equals sign is a piece of a value without quotes, such as a key, and may be secret. */
const NAME = /^[\w.-]{1,64}$/;

/**
 * Of OpenTelemetry: what the exporter reads from the environment by itself, and what is meant for the metrics and logs of
 * others. Platforms give these to every process.
 */
const OF_OTHERS =
  /^OTEL_(?:METRICS_EXPORTER|LOGS_EXPORTER|EXPORTER_OTLP_(?:METRICS_|LOGS_).*|EXPORTER_OTLP_(?:TRACES_)?(?:COMPRESSION|CERTIFICATE|CLIENT_KEY|CLIENT_CERTIFICATE))$/;

/**
 * Names each variable of an `.env` file that is not among `known`, and each of the environment that looks like one of
 * them: the environment holds those of other programs too. A setting that nobody reads would be missed in silence.
 */
export function unknownVariables(
  known: readonly string[],
  inFile: readonly string[],
  inEnvironment: readonly string[],
): string[] {
  const fromFile = inFile
    .filter((name) => !known.includes(name))
    .map((name) =>
      NAME.test(name)
        ? unknown(`${name} in .env`, meantBy(name, known))
        : 'a name in .env is none that a variable has; a value of several lines must be in quotes',
    );
  return [
    ...new Set(fromFile),
    ...misspeltVariables(
      known,
      inEnvironment.filter((name) => !inFile.includes(name)),
    ),
  ];
}

/** Names each of `names` that is a letter or a word off one of `known`. */
export function misspeltVariables(known: readonly string[], names: readonly string[]): string[] {
  return names
    .filter((name) => !known.includes(name) && !OF_OTHERS.test(name))
    .flatMap((name) => {
      const meant = meantBy(name, known);
      return meant.length === 0 ? [] : [unknown(name, meant)];
    });
}

function unknown(name: string, meant: readonly string[]): string {
  const question = meant.length === 0 ? '' : `; did you mean ${meant.join(' or ')}?`;
  return `${name} is not a variable of this service${question}`;
}

/** What is nearest first: the spelling, then a letter, then a word. */
const LIKENESSES = [isSpeltAlike, isLetterOff, isWordMoved, isWordOff, isLastWordOther];

/** Gives the nearest ones. Names of one word, as PORT, are too near to others that mean something else. */
function meantBy(name: string, known: readonly string[]): readonly string[] {
  const long = known.filter((candidate) => candidate.includes('_'));
  for (const isLike of LIKENESSES) {
    const meant = long.filter((candidate) => isLike(name, candidate));
    if (meant.length > 0) return meant;
  }
  return [];
}

function isSpeltAlike(name: string, known: string): boolean {
  return name.toUpperCase().replaceAll(/[-.]/g, '_') === known;
}

/** One letter is missing, too many or another one, or two have changed places. */
function isLetterOff(name: string, known: string): boolean {
  let start = 0;
  while (start < name.length && name[start] === known[start]) start++;
  let end = 0;
  const rest = Math.min(name.length, known.length) - start;
  while (end < rest && name.at(-1 - end) === known.at(-1 - end)) end++;
  const given = name.slice(start, name.length - end);
  const meant = known.slice(start, known.length - end);
  if (given.length === 2) return meant === given.split('').toReversed().join('');
  return given.length <= 1 && meant.length <= 1;
}

function isWordMoved(name: string, known: string): boolean {
  return name.length === known.length && sortedWords(name) === sortedWords(known);
}

function sortedWords(name: string): string {
  return name.split('_').toSorted().join('_');
}

/** A name of two words is found with a third one in many that other programs have: LOG_LEVEL in NGINX_LOG_LEVEL. */
function isWordOff(name: string, known: string): boolean {
  return known.split('_').length > 2 && (isWithoutWord(name, known) || isWithoutWord(known, name));
}

function isWithoutWord(short: string, long: string): boolean {
  if (short.length >= long.length) return false;
  const words = long.split('_');
  return words.some((_, index) => words.toSpliced(index, 1).join('_') === short);
}

/** Another unit, mostly: MAX_FILE_SIZE. */
function isLastWordOther(name: string, known: string): boolean {
  return known.split('_').length > 2 && withoutLastWord(name) === withoutLastWord(known);
}

function withoutLastWord(name: string): string {
  return name.slice(0, name.lastIndexOf('_'));
}
