import { drawn, element } from '../shared/dom.js';
import { type Bucket, BUCKETS } from './history.js';

export interface Series {
  readonly name: string;
  /** A class that says colour and dashes. */
  readonly look: string;
  readonly of: (bucket: Bucket) => number;
}

export interface ChartOptions {
  readonly title: string;
  readonly series: readonly Series[];
  readonly format: (value: number) => string;
  /** The top of the drawing at least. */
  readonly least: number;
}

const WIDTH = 600;
const HEIGHT = 120;
const BUCKET_MS = 10_000;

/** Draws what happened in 15 minutes, with the same in words for those who do not see it. */
export function chart(options: ChartOptions, buckets: readonly Bucket[]): HTMLElement {
  const { title, series, format, least } = options;
  const values = series.map(({ of }) => buckets.map((bucket) => of(bucket)));
  const top = roundTop(Math.max(least, ...values.flat()));
  const drawing = drawn(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': inWords(options, values),
    },
    ...[0, 0.5, 1].map((part) => line(part * HEIGHT)),
    ...series.map(({ look }, index) =>
      drawn('path', { class: `line ${look}`, d: pathOf(values[index] ?? [], buckets, top) }),
    ),
  );
  return element(
    'figure',
    { class: 'chart' },
    element('figcaption', {}, title),
    element(
      'div',
      { class: 'plot' },
      element(
        'div',
        { class: 'scale', 'aria-hidden': 'true' },
        ...[top, top / 2, 0].map((value) => element('span', {}, format(value))),
      ),
      drawing,
      element(
        'div',
        { class: 'times', 'aria-hidden': 'true' },
        ...['15 min ago', '10', '5', 'now'].map((text) => element('span', {}, text)),
      ),
    ),
    element(
      'ul',
      { class: 'legend' },
      ...series.map((each, index) => legend(each, format(values[index]?.at(-1) ?? 0))),
    ),
  );
}

function legend({ name, look }: Series, now: string): HTMLElement {
  const sample = drawn(
    'svg',
    { viewBox: '0 0 20 8', 'aria-hidden': 'true' },
    drawn('path', { class: `line ${look}`, d: 'M0 4H20' }),
  );
  return element('li', {}, sample, `${name} `, element('b', {}, now));
}

function line(y: number): SVGPathElement {
  return drawn('path', { class: 'grid', d: `M0 ${y}H${WIDTH}` });
}

/** What the drawing shows, as a sentence. */
function inWords({ title, series, format }: ChartOptions, values: readonly (readonly number[])[]): string {
  const parts = series.map(({ name }, index) => {
    const all = values[index] ?? [];
    return `${name} ${format(all.at(-1) ?? 0)} now, at most ${format(Math.max(0, ...all))}`;
  });
  return `${title}, the last 15 minutes: ${parts.join('; ')}.`;
}

/** A line from bucket to bucket, with a gap where nothing was seen. */
function pathOf(values: readonly number[], buckets: readonly Bucket[], top: number): string {
  const endMs = buckets.at(-1)?.startMs ?? 0;
  let previousMs = Number.NEGATIVE_INFINITY;
  return values
    .map((value, index) => {
      const startMs = buckets[index]?.startMs ?? 0;
      const x = WIDTH * (1 - (endMs - startMs) / ((BUCKETS - 1) * BUCKET_MS));
      const y = HEIGHT * (1 - value / top);
      const isGap = startMs - previousMs > 2 * BUCKET_MS;
      previousMs = startMs;
      return `${isGap ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    })
    .join('');
}

/** The next of 1, 2, 4, 5, 8, 10, 20 and so on: half of it is a number that one can read as well. */
function roundTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 4, 5, 8].find((step) => step * power >= value) ?? 10);
}
