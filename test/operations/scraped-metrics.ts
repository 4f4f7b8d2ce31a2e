import type { Selector } from './promql.js';

/** What Prometheus itself adds to a scrape. */
const OF_PROMETHEUS = new Set(['job', 'instance']);

/** Series by their metric, each with its labels. */
export class ScrapedMetrics {
  private readonly series = new Map<string, ReadonlyMap<string, string>[]>([['up', [new Map()]]]);

  /** @param text the answer to a scrape */
  constructor(text: string) {
    for (const [, type = '', metric = '', labels = ''] of text.matchAll(
      /^(# TYPE )?([a-zA-Z_]+)(?:\{(.*)\})?/gm,
    )) {
      const known = this.series.get(metric) ?? [];
      if (type === '') known.push(labelsOf(labels));
      if (metric !== '') this.series.set(metric, known);
    }
  }

  /** What a selector names that no series has; `labels` are some that the caller wants as well. */
  missing({ metric, matchers, groupedBy }: Selector, labels: readonly string[] = []): string[] {
    const known = this.series.get(metric);
    if (!known) return [metric];
    const wanted = new Set([...matchers.map(({ label }) => label), ...groupedBy, ...labels]);
    const unknown = [...wanted].filter(
      (label) => !OF_PROMETHEUS.has(label) && !known.some((series) => series.has(label)),
    );
    const unmatched = matchers.flatMap(({ label, value }) =>
      OF_PROMETHEUS.has(label)
        ? []
        : value
            .split('|')
            .filter((each) => !known.some((series) => new RegExp(`^${each}$`).test(series.get(label) ?? '')))
            .map((each) => `${label}="${each}"`),
    );
    return [...unknown, ...unmatched].map((lack) => `${metric}{${lack}}`);
  }
}

function labelsOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value]));
}
