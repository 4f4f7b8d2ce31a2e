/** What happened when, so that the one bad file of thousands can be explained. */
export class KillDiary {
  private readonly lines: { readonly text: string; readonly keys: readonly string[] }[] = [];

  /** `keys` say which file it is about; without one it is about all. */
  note(text: string, keys: readonly string[] = [], at = new Date()): void {
    this.lines.push({ text: `${at.toISOString()} ${text}`, keys });
  }

  /** What is about a file of one of these keys, and what happened to all meanwhile. */
  about(keys: readonly string[]): string {
    const own = this.lines.filter((line) => line.keys.some((key) => keys.includes(key)));
    const texts = own.map(({ text }) => text).toSorted();
    const [first = '', last = ''] = [texts[0], texts.at(-1)];
    const meanwhile = this.lines.filter(
      (line) => line.keys.length === 0 && line.text >= first && line.text <= last,
    );
    return [...texts, ...meanwhile.map(({ text }) => text)].toSorted().join('\n');
  }
}
