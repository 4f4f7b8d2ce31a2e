import { z } from 'zod';
import { got } from './describe-issue.js';
import { baseUrl, count, flag, milliseconds, oneOf, text, url } from './variables.js';

type Given = Record<string, string | undefined>;

const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
const PROTOCOL_UNIT = PROTOCOLS.join(' or ');

/** `key=value,key=value`, as HTTP headers and W3C baggage write it; values may be percent-encoded. */
const KEY = /^[\w!#$&'*+.^`|~/-]+$/;
const VALUE = /^[^,;"\\]*$/;

/** What OpenTelemetry calls these variables. Those of the standard are named as there, and mean the same. */
export const tracesVariables = {
  OTEL_SDK_DISABLED: flag('Is nothing traced, whatever the other variables say?', false),
  OTEL_TRACES_EXPORTER: z.enum(['none', 'otlp']).optional().meta({
    description: 'Where traces go. Unset: `otlp` where one of the two endpoints is set, else `none`.',
    unit: 'none or otlp',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: baseUrl(
    'Address of a collector that takes OTLP over HTTP; traces go to `/v1/traces` below it. Unset: `http://localhost:4318`.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url('The whole URL that traces go to, instead of that address.'),
  OTEL_EXPORTER_OTLP_HEADERS: pairs(
    'Headers that are sent to the collector, such as `authorization=Bearer%20…`. Secret.',
  ),
  OTEL_EXPORTER_OTLP_TRACES_HEADERS: pairs('The same for traces alone; they win. Secret.'),
  OTEL_EXPORTER_OTLP_PROTOCOL: protocol().default('http/protobuf').meta({
    description: 'How traces are written. `grpc` is not spoken.',
    unit: PROTOCOL_UNIT,
  }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol().optional().meta({
    description: 'The same for traces alone; it wins.',
    unit: PROTOCOL_UNIT,
  }),
  OTEL_EXPORTER_OTLP_TIMEOUT: milliseconds(
    'Time that the collector has to take a batch of spans, other tries included.',
    10_000,
  ),
  OTEL_TRACES_SAMPLER: oneOf(
    'Which traces are recorded. With `parentbased_`, a delivery is recorded where its upload was.',
    [
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ],
    'parentbased_always_on',
  ),
  OTEL_TRACES_SAMPLER_ARG: share().default(1).meta({
    description: 'Share of traces that `traceidratio` records, such as `0.05`.',
    unit: '0 to 1',
  }),
  TRACEPARENT_DECIDES_SAMPLING: flag(
    'Does the `traceparent` of a request decide whether a `parentbased_` sampler records it? It is believed of requests that come from `TRUSTED_PROXIES` alone; all others go by the sampler.',
    false,
  ),
  OTEL_BSP_SCHEDULE_DELAY: milliseconds('Longest time that a span waits before it is sent.', 5_000),
  OTEL_BSP_EXPORT_TIMEOUT: milliseconds('Time after which a batch is given up.', 30_000),
  OTEL_BSP_MAX_QUEUE_SIZE: count('Most spans that wait; more are dropped.', 'spans', 2_048, 1),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count(
    'Most spans of one batch; it goes out as soon as it is full.',
    'spans',
    512,
    1,
  ),
  OTEL_SERVICE_NAME: text(
    'Name of the service in traces. Unset: `service.name` of the attributes below, or `ingester`.',
  ),
  OTEL_RESOURCE_ATTRIBUTES: pairs(
    'What all spans of this process say of it, such as `deployment.environment.name=staging`.',
  ),
};

/** What these variables need of each other. */
export function tracesProblems(given: Given): string[] {
  const { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: batch, OTEL_BSP_MAX_QUEUE_SIZE: queue } = tracesVariables;
  const batchSize = batch.safeParse(given.OTEL_BSP_MAX_EXPORT_BATCH_SIZE).data ?? 0;
  const queueSize = queue.safeParse(given.OTEL_BSP_MAX_QUEUE_SIZE).data ?? Infinity;
  const isBelieved = tracesVariables.TRACEPARENT_DECIDES_SAMPLING.safeParse(
    given.TRACEPARENT_DECIDES_SAMPLING,
  ).data;
  return [
    ...(batchSize > queueSize
      ? ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE: must not be above OTEL_BSP_MAX_QUEUE_SIZE']
      : []),
    ...(isBelieved && !given.TRUSTED_PROXIES
      ? ['TRACEPARENT_DECIDES_SAMPLING: needs TRUSTED_PROXIES, since nobody else is believed']
      : []),
  ];
}

function protocol() {
  return z.enum(PROTOCOLS, {
    error: ({ input }) =>
      input === 'grpc'
        ? 'must be http/protobuf or http/json; grpc is not spoken, and a collector takes OTLP over HTTP at its port 4318'
        : `must be http/protobuf or http/json${got(input)}`,
  });
}

/** Its values are not repeated in messages. */
function pairs(meaning: string) {
  return z
    .string()
    .transform((value, context) => {
      const found = value.split(',').flatMap((part) => (part.trim() === '' ? [] : [pairIn(part)]));
      if (found.every((pair) => pair !== undefined)) return Object.fromEntries(found);
      context.addIssue({
        code: 'custom',
        message: 'must be pairs such as key=value, with a comma between them',
      });
      return z.NEVER;
    })
    .optional()
    .meta({ description: meaning, unit: 'comma-separated key=value' });
}

function pairIn(part: string): [key: string, value: string] | undefined {
  const end = part.indexOf('=');
  const [key, value] = [part.slice(0, end).trim(), part.slice(end + 1).trim()];
  if (end === -1 || !KEY.test(key) || !VALUE.test(value)) return undefined;
  try {
    return [decodeURIComponent(key), decodeURIComponent(value)];
  } catch {
    return undefined;
  }
}

function share() {
  return z
    .string()
    .trim()
    .regex(/^(\d+(\.\d+)?|\.\d+)$/, { error: ({ input }) => `must be a number from 0 to 1${got(input)}` })
    .transform(Number)
    .pipe(z.number().min(0).max(1));
}
