const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `1.2 GB`; units are powers of 1000, as on the label of a disk. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  // What rounds to 1000 is one of the next unit.
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} ${UNITS[unit]}`;
}

/** `34 s`, `5 min`, `2 h 10 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return joined(`${hours} h`, minutes % 60, 'min');
  return joined(`${Math.floor(hours / 24)} d`, hours % 24, 'h');
}

/** `3.2` where every tenth matters, `120` where it does not. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : Math.round(perSecond).toLocaleString('en');
}

/** `1 upload`, `2 uploads`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** The first part of an id: enough to tell a few of them apart. */
export function short(id: string): string {
  return id.slice(0, 8);
}

/** `14:03:12` of this day, `2026-11-30 14:03:12` of another one, as the reader's clock shows it. */
export function moment(time: string, nowMs: number): string {
  const at = new Date(time);
  const clock = at.toTimeString().slice(0, 8);
  if (at.toDateString() === new Date(nowMs).toDateString()) return clock;
  const parts = [at.getFullYear(), at.getMonth() + 1, at.getDate()];
  return `${parts.map((part) => String(part).padStart(2, '0')).join('-')} ${clock}`;
}

/** Seconds from a time until now; less than 0 where it is still to come. */
export function secondsSince(time: string, nowMs: number): number {
  return (nowMs - Date.parse(time)) / 1000;
}

/** `3 min ago`, `in 20 s`. */
export function relative(time: string, nowMs: number): string {
  const seconds = secondsSince(time, nowMs);
  return Math.round(seconds) < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}

function joined(head: string, rest: number, unit: string): string {
  return rest === 0 ? head : `${head} ${rest} ${unit}`;
}
