import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import { Tracing } from '../tracing.js';
import type { TracingSettings } from './sdk-tracing.js';

const DEFAULT_ENDPOINT = 'http://localhost:4318';
const TRACES_PATH = '/v1/traces';

/** What is traced where somebody asks for it. The SDK is loaded then, and else not at all. */
export async function openTracing(config: ConfigService<Environment, true>): Promise<Tracing> {
  const settings = settingsOf(config);
  if (!settings) return new Tracing();
  const { startTracing } = await import('./sdk-tracing.js');
  return startTracing(settings);
}

/** Undefined where nobody asks for traces. */
function settingsOf(config: ConfigService<Environment, true>): TracingSettings | undefined {
  const of = <Name extends keyof Environment>(name: Name): Environment[Name] =>
    config.get(name, { infer: true });
  const [base, whole] = [of('OTEL_EXPORTER_OTLP_ENDPOINT'), of('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')];
  const exporter = of('OTEL_TRACES_EXPORTER') ?? ((base ?? whole) === undefined ? 'none' : 'otlp');
  if (exporter === 'none' || of('OTEL_SDK_DISABLED')) return undefined;
  return {
    url: whole ?? `${base ?? DEFAULT_ENDPOINT}${TRACES_PATH}`,
    headers: { ...of('OTEL_EXPORTER_OTLP_HEADERS'), ...of('OTEL_EXPORTER_OTLP_TRACES_HEADERS') },
    protocol: of('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? of('OTEL_EXPORTER_OTLP_PROTOCOL'),
    timeoutMs: of('OTEL_EXPORTER_OTLP_TIMEOUT'),
    sampler: of('OTEL_TRACES_SAMPLER'),
    share: of('OTEL_TRACES_SAMPLER_ARG'),
    batches: {
      scheduledDelayMillis: of('OTEL_BSP_SCHEDULE_DELAY'),
      exportTimeoutMillis: of('OTEL_BSP_EXPORT_TIMEOUT'),
      maxQueueSize: of('OTEL_BSP_MAX_QUEUE_SIZE'),
      maxExportBatchSize: of('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
    },
    serviceName: of('OTEL_SERVICE_NAME'),
    resource: of('OTEL_RESOURCE_ATTRIBUTES') ?? {},
  };
}
