/** Milestones that come together are told together. */
const TOGETHER_MS = 300;

/** Tells people who do not see the page what has happened: one line for each milestone, not for each event. */
export class Announcer {
  private lines: string[] = [];

  /** `place` is an element with the role `status`. */
  constructor(private readonly place: HTMLElement) {}

  tell(line: string): void {
    if (this.lines.push(line) > 1) return;
    setTimeout(() => {
      this.place.textContent = summed(this.lines);
      this.lines = [];
    }, TOGETHER_MS);
  }
}

/** The lines as one, unless there are too many to listen to. */
function summed(lines: readonly string[]): string {
  return lines.length > 3 ? `${lines.slice(0, 2).join(' ')} And ${lines.length - 2} more.` : lines.join(' ');
}
