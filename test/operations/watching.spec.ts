import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type AcceptingService, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { selectorsOf } from './promql.js';
import { describeWithPromtool, promtool } from './promtool.js';
import { ScrapedMetrics } from './scraped-metrics.js';
import { readAlerts, readDashboard, readRuleTests, readText } from './watched-files.js';

const ADMIN = { sub: 'olga', role: 'admin' };
const alerts = readAlerts();
const dashboard = readDashboard();
const panels = dashboard.panels.filter(({ type }) => type !== 'row');

/** Everything that the alerts, the dashboard and the runbook ask, and the labels that their texts show. */
const expressions = [
  ...alerts.map(({ alert, expr, annotations }) => ({
    of: alert,
    expression: expr,
    shown: [...JSON.stringify(annotations).matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label),
  })),
  ...panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      of: title,
      expression: expr.replaceAll('$__rate_interval', '5m'),
      shown: [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label),
    })),
  ),
  ...dashboard.templating.list.flatMap(({ name, definition = '' }) =>
    [...definition.matchAll(/^label_values\((.*), (\w+)\)$/g)].map(([, expression = '', label = '']) => ({
      of: `$${name}`,
      expression,
      shown: [label],
    })),
  ),
  ...[...readText('docs/runbook.md').matchAll(/^```promql\n(.*?)^```/gms)]
    .flatMap(([, queries = '']) => queries.trimEnd().split('\n'))
    .map((expression) => ({ of: 'docs/runbook.md', expression, shown: [] })),
];

/**
 * A scrape of a service in which an upload was stored, another one accepted, dead, redelivered and delivered, and a
 * circuit opened and closed by hand.
 */
async function scrapeAfterUploads(service: AcceptingService): Promise<string> {
  const accepted = (await (await service.post(Buffer.from('later'))).json()) as { upload_id: string };
  const letters = async (): Promise<unknown[]> => {
    const answer = await service.call('/api/v1/dead-letters', {}, ADMIN);
    return ((await answer.json()) as { items: unknown[] }).items;
  };
  await eventually(async () => expect(await letters()).toHaveLength(1));
  // What the database tells is shared by the scrapes of five seconds, and a reason stays once it was seen.
  await fetch(`${service.running.url}/metrics`);
  service.element.options.fault = undefined;
  const order = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"filter":{}}' };
  expect((await service.call('/api/v1/dead-letters/redeliver', order, ADMIN)).status).toBe(202);
  await service.untilStatus(accepted.upload_id, 'active');
  expect((await service.post(Buffer.from('now'))).status).toBe(201);
  for (const [what, body] of [
    ['force-open', '{"reason":"x"}'],
    ['reset', '{}'],
  ] as const) {
    const path = `/api/v1/resilience/circuit-breakers/storage:se-1/${what}`;
    expect((await service.call(path, { ...order, body }, ADMIN)).status).toBe(200);
  }
  return (await fetch(`${service.running.url}/metrics`)).text();
}

describe('what is watched', () => {
  let service: AcceptingService;
  let text: string;
  let scraped: ScrapedMetrics;

  beforeAll(async () => {
    service = await startAccepting({ STORAGE_RETRY_ATTEMPTS: '2', DELIVERY_MAX_ATTEMPTS: '1' });
    text = await scrapeAfterUploads(service);
    scraped = new ScrapedMetrics(text);
  });

  afterAll(() => service.close());

  it.each(expressions)('$of asks for what the service tells: $expression', ({ expression, shown }) => {
    const selectors = selectorsOf(expression);
    expect(selectors.length).toBeGreaterThan(0);
    expect(selectors.flatMap((selector) => scraped.missing(selector, shown))).toEqual([]);
  });

  it.each([
    ['sum(spool_byte)', 'spool_byte'],
    ['sum by (target) (spool_bytes)', 'spool_bytes{target}'],
    ['upload_inflight + on (job, name) spool_bytes', 'upload_inflight{name}'],
    ['upload_requests_total{rout="raw"}', 'upload_requests_total{rout}'],
    ['upload_requests_total{outcome=~"stored|fine"}', 'upload_requests_total{outcome="fine"}'],
    ['histogram_quantile(0.5, upload_size_buckets)', 'upload_size_buckets'],
  ])('would find that %s is wrong', (expression, lack) => {
    expect(selectorsOf(expression).flatMap((selector) => scraped.missing(selector))).toContain(lack);
  });

  describeWithPromtool('promtool', () => {
    it('finds the names of all metrics good', () => {
      expect(promtool(['check', 'metrics'], text)).toMatchObject({ status: 0, output: '' });
    });
  });
});

describeWithPromtool('promtool', () => {
  it('takes the rules, and the configuration that has them', () => {
    expect(promtool(['check', 'rules', '--lint=all', '--lint-fatal', 'alerts.yml'])).toMatchObject({
      status: 0,
    });
    expect(promtool(['check', 'config', 'prometheus.yml'])).toMatchObject({ status: 0 });
  });

  it('sees each alert fire when it must, and not when it must not', () => {
    expect(promtool(['test', 'rules', 'alerts.test.yml'])).toEqual({
      status: 0,
      output: expect.stringContaining('SUCCESS'),
    });
  });
});

describe('the alerts', () => {
  it.each(alerts)('$alert waits, says how bad it is, and where it is explained', (alert) => {
    expect(alert).toMatchObject({
      for: expect.stringMatching(/^\d+m$/),
      labels: { severity: expect.stringMatching(/^(critical|warning)$/) },
      annotations: {
        summary: expect.any(String),
        description: expect.any(String),
        runbook_url: `https://ingester.example/docs/runbook.md#${alert.alert.toLowerCase()}`,
      },
    });
  });

  it('each have a test in which they fire and one in which they do not', () => {
    const tests = readRuleTests().flatMap(({ alert_rule_test: cases }) => cases);
    const named = (fires: boolean): string[] => {
      const some = tests.filter(({ exp_alerts: expected = [] }) => expected.length > 0 === fires);
      return [...new Set(some.map(({ alertname }) => alertname))].toSorted();
    };
    const names = alerts.map(({ alert }) => alert).toSorted();
    expect({ fire: named(true), rest: named(false) }).toEqual({ fire: names, rest: names });
  });

  it('each have a section in docs/runbook.md, in their order, and no other has one', () => {
    const sections = [...readText('docs/runbook.md').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(sections).toEqual(alerts.map(({ alert }) => alert));
  });

  it('are told by sections that say what is meant, what to look at and what to do', () => {
    for (const section of readText('docs/runbook.md').split(/^## /m).slice(1)) {
      const parts = [...section.matchAll(/^\*\*(.+?)\*\*/gm)].map(([, part]) => part);
      expect(parts).toEqual(['It means.', 'Look.', 'Do.']);
    }
  });
});

describe('the dashboard', () => {
  it('has its rows', () => {
    const rows = dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title);
    expect(rows).toEqual([
      'Now',
      'Targets',
      'Uploads',
      'Queue and spool',
      'Dead letters',
      'Resumable uploads',
    ]);
  });

  it('takes its data from where the one who looks says', () => {
    for (const { title, datasource } of panels)
      expect({ title, datasource }).toEqual({
        title,
        datasource: { type: 'prometheus', uid: '${datasource}' },
      });
    expect(dashboard.templating.list.map(({ name }) => name)).toEqual(['datasource', 'job']);
  });

  it('has an id for each panel', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
