import { describe, expect, it } from '@jest/globals';
import { Registry } from '@prometheus-io/client';
import { OutboundMetrics } from './outbound-metrics.js';

async function samples(registry: Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('OutboundMetrics', () => {
  it('counts retries, those that were not made, fallbacks and timeouts', async () => {
    const registry = new Registry();
    const metrics = new OutboundMetrics(registry);
    metrics.retried('se-01');
    metrics.retried('se-01');
    metrics.retrySuppressed('se-01', 'budget');
    metrics.fellBack('se-01', 'next_target', 'success');
    metrics.timedOut('se-01', 'stall');
    expect(await samples(registry)).toEqual([
      'resilience_retry_attempts_total{name="se-01"} 2',
      'resilience_retry_suppressed_total{name="se-01",reason="budget"} 1',
      'resilience_fallback_total{name="se-01",kind="next_target",outcome="success"} 1',
      'resilience_timeouts_total{name="se-01",phase="stall"} 1',
    ]);
  });

  it('asks bulkheads when it is read, and adds up those of one name', async () => {
    const registry = new Registry();
    const metrics = new OutboundMetrics(registry);
    let rejected = 1;
    const full = { name: 'uploads', inflight: 3, queued: 2, inflightBytes: 1_000 };
    metrics.watchBulkheads(() => [{ ...full, rejected }]);
    metrics.watchBulkheads(() => [{ ...full, rejected }]);
    await registry.metrics();
    rejected = 5;
    expect(await samples(registry)).toEqual([
      'resilience_bulkhead_inflight{name="uploads"} 6',
      'resilience_bulkhead_queued{name="uploads"} 4',
      'resilience_bulkhead_inflight_bytes{name="uploads"} 2000',
      'resilience_bulkhead_rejected_total{name="uploads"} 10',
    ]);
  });
});
