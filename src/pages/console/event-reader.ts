export interface StreamedEvent {
  readonly event: string;
  readonly data: string;
}

/** What one event may have at most; a stream that goes on without an end of one is none of ours. */
const LONGEST = 8_000_000;

/** Takes the text of an event stream apart (WHATWG HTML section 9.2.6), as far as our service uses it. */
export class EventReader {
  private text = '';

  /** Gives the events that are whole with this piece. @throws RangeError where one is too long */
  read(piece: string): StreamedEvent[] {
    this.text += piece.replaceAll('\r', '');
    const blocks = this.text.split('\n\n');
    this.text = blocks.pop() ?? '';
    if (this.text.length > LONGEST) throw new RangeError('An event of the stream is too long.');
    return blocks.map(eventIn).filter((event) => event !== undefined);
  }
}

function eventIn(block: string): StreamedEvent | undefined {
  const lines = block.split('\n');
  const data = valuesOf(lines, 'data');
  if (data.length === 0) return undefined;
  return { event: valuesOf(lines, 'event').at(-1) ?? 'message', data: data.join('\n') };
}

function valuesOf(lines: readonly string[], name: string): string[] {
  const start = `${name}:`;
  return lines
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length).replace(/^ /, ''));
}
