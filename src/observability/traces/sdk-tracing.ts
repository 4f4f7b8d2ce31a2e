import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import {
  type Context,
  type Link,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  type SpanContext,
  SpanKind,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  type BatchSpanProcessorOptions,
  type SpanExporter,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { Environment } from '../../config/environment.js';
import { errorTypeOf } from '../error-type.js';
import { randomHex, uuidV7 } from '../random-ids.js';
import { currentRequest, type RequestContext } from '../request-context.js';
import { SERVICE_NAME, serviceVersion } from '../service-version.js';
import { type Span, type SpanReference, type SpanStart, Tracing } from '../tracing.js';
import { OwnSampler, PARENT_DECIDES } from './own-sampler.js';
import { RecordedSpan } from './recorded-span.js';
import { WatchedExporter } from './watched-exporter.js';

export interface TracingSettings {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly protocol: Environment['OTEL_EXPORTER_OTLP_PROTOCOL'];
  readonly timeoutMs: number;
  readonly sampler: Environment['OTEL_TRACES_SAMPLER'];
  /** Of traces that are recorded, where the sampler records a share. */
  readonly share: number;
  readonly batches: Omit<BatchSpanProcessorOptions, 'exporter'>;
  readonly serviceName: string | undefined;
  readonly resource: Readonly<Record<string, string>>;
}

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

/** Time that the last spans have to get out. */
const LAST_SPANS_MS = 1_000;

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER } as const;

/** Traces with the SDK of OpenTelemetry, and sends what is recorded to a collector. */
export async function startTracing(settings: TracingSettings): Promise<Tracing> {
  return new SdkTracing(settings, new WatchedExporter(await exporterFor(settings)));
}

async function exporterFor({ protocol, url, headers, timeoutMs }: TracingSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await (protocol === 'http/json'
    ? import('@opentelemetry/exporter-trace-otlp-http')
    : import('@opentelemetry/exporter-trace-otlp-proto'));
  return new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs });
}

class SdkTracing extends Tracing implements OnApplicationShutdown {
  override readonly isOn = true;
  private readonly logger = new Logger('Tracing');
  private readonly provider: TracerProvider;
  private readonly tracer: Tracer;
  /** The trace that the next span without a parent belongs to. */
  private traceId: string | undefined;

  constructor(
    { sampler, share, batches, resource, serviceName }: TracingSettings,
    private readonly exporter: WatchedExporter,
  ) {
    super();
    const own = {
      'service.name': SERVICE_NAME,
      'service.version': serviceVersion(),
      'service.instance.id': uuidV7(),
      ...resource,
      ...(serviceName !== undefined && { 'service.name': serviceName }),
    };
    this.provider = new TracerProvider({
      resource: defaultResource().merge(resourceFromAttributes(own)),
      sampler: new OwnSampler(sampler, share),
      idGenerator: {
        generateTraceId: () => this.traceId ?? randomHex(TRACE_ID_BYTES),
        generateSpanId: () => randomHex(SPAN_ID_BYTES),
      },
      spanProcessors: [new BatchSpanProcessor({ ...batches, exporter })],
    });
    this.tracer = this.provider.getTracer(SERVICE_NAME, serviceVersion());
  }

  override begin(name: string, { kind, attributes, parent, link }: SpanStart): Span {
    const request = currentRequest();
    const context = kind === 'consumer' ? ROOT_CONTEXT : contextOf(parent, request);
    // A request that is not part of a trace yet has one of its own, which its log lines carry.
    this.traceId = kind === 'consumer' ? undefined : request?.traceId;
    const options = { kind: KINDS[kind], attributes, links: linksOf(link) };
    const span = this.tracer.startSpan(name, options, context);
    return new RecordedSpan(span, requestContextOf(span, request));
  }

  override async around<T>(name: string, start: SpanStart, work: (span: Span) => Promise<T>): Promise<T> {
    const span = this.begin(name, start);
    try {
      return await span.run(() => work(span));
    } catch (error) {
      span.fail(errorTypeOf(error), true);
      throw error;
    } finally {
      span.end();
    }
  }

  /** Sends what is still here. A collector that is away is not waited for, and ends nothing. */
  async onApplicationShutdown(): Promise<void> {
    this.exporter.isSilent = true;
    const patience = new AbortController();
    const late = sleep(LAST_SPANS_MS, undefined, { signal: patience.signal }).then(
      () => new Error('It does not answer in time.'),
      () => undefined,
    );
    const ended = this.provider.shutdown().then(
      () => undefined,
      (error: unknown) => error,
    );
    const error = await Promise.race([ended, late]);
    patience.abort();
    if (error !== undefined) this.logger.warn({ err: error }, 'the collector did not take the last traces');
  }
}

/** Whose child a span is: of a client's span, or of ours that is under way. */
function contextOf(parent: SpanStart['parent'], request: RequestContext | undefined): Context {
  if (parent)
    return trace
      .setSpanContext(ROOT_CONTEXT, spanContextOf(parent, true))
      .setValue(PARENT_DECIDES, parent.decides);
  if (request?.spanId === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, traceFlags } = request;
  return trace.setSpanContext(ROOT_CONTEXT, spanContextOf({ traceId, spanId, traceFlags }, false));
}

function linksOf(link: SpanReference | undefined): Link[] {
  return link ? [{ context: spanContextOf(link, true) }] : [];
}

function spanContextOf({ traceId, spanId, traceFlags }: SpanReference, isRemote: boolean): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags: traceFlags === '01' ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote,
  };
}

/** What log lines and calls within the span carry. */
function requestContextOf(span: SdkSpan, request: RequestContext | undefined): RequestContext {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    requestId: request?.requestId ?? uuidV7(),
    traceId,
    traceFlags: traceFlags & TraceFlags.SAMPLED ? '01' : '00',
    spanId,
  };
}
