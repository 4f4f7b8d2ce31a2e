import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook_url', string>>;
}

interface RuleTest {
  readonly alert_rule_test: readonly {
    readonly alertname: string;
    readonly exp_alerts?: readonly object[];
  }[];
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: unknown;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly panels: readonly Panel[];
}

export const readText = (path: string): string => readFileSync(join(root, path), 'utf8');

export function readAlerts(): Alert[] {
  const { groups } = parse(readText('deploy/prometheus/alerts.yml')) as {
    groups: readonly { rules: readonly Alert[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

export function readRuleTests(): readonly RuleTest[] {
  return (parse(readText('deploy/prometheus/alerts.test.yml')) as { tests: readonly RuleTest[] }).tests;
}

export function readDashboard(): Dashboard {
  return JSON.parse(readText('deploy/grafana/ingester.json')) as Dashboard;
}
