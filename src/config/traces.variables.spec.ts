import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, type Environment } from './environment.js';
import { parseEnvironment } from '../../test/support/parse-environment.js';

function problemsOf(variables: Record<string, string>): readonly string[] {
  try {
    parseEnvironment(variables);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('variables of traces', () => {
  it.each<[string, string, keyof Environment, unknown]>([
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=b, c = d%20e,', 'OTEL_EXPORTER_OTLP_HEADERS', { a: 'b', c: 'd e' }],
    ['OTEL_RESOURCE_ATTRIBUTES', 'a.b=', 'OTEL_RESOURCE_ATTRIBUTES', { 'a.b': '' }],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'key=YQ==', 'OTEL_EXPORTER_OTLP_HEADERS', { key: 'YQ==' }],
    ['OTEL_TRACES_SAMPLER_ARG', '.25', 'OTEL_TRACES_SAMPLER_ARG', 0.25],
    ['OTEL_TRACES_SAMPLER_ARG', '1', 'OTEL_TRACES_SAMPLER_ARG', 1],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://otel:4318/', 'OTEL_EXPORTER_OTLP_ENDPOINT', 'http://otel:4318'],
  ])('%s takes "%s"', (name, text, read, value) => {
    expect(parseEnvironment({ [name]: text })[read]).toEqual(value);
  });

  it.each([
    ['OTEL_EXPORTER_OTLP_HEADERS', 'secret'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a=%zz'],
    ['OTEL_EXPORTER_OTLP_HEADERS', 'a b=c'],
    ['OTEL_RESOURCE_ATTRIBUTES', '=c'],
  ])('%s refuses "%s", and does not repeat it', (name, text) => {
    expect(problemsOf({ [name]: text })).toEqual([
      `${name}: must be pairs such as key=value, with a comma between them`,
    ]);
  });

  it.each([
    ['OTEL_TRACES_SAMPLER_ARG', '1.1', 'must be at most 1, got 1.1'],
    ['OTEL_TRACES_SAMPLER_ARG', 'half', 'must be a number from 0 to 1, got "half"'],
    ['OTEL_TRACES_EXPORTER', 'zipkin', 'must be none or otlp, got "zipkin"'],
    ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'http', 'must be http/protobuf or http/json, got "http"'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'otel:4317', 'must be an http or https URL'],
    ['OTEL_BSP_MAX_EXPORT_BATCH_SIZE', '4096', 'must not be above OTEL_BSP_MAX_QUEUE_SIZE'],
    ['TRACEPARENT_DECIDES_SAMPLING', 'true', 'needs TRUSTED_PROXIES, since nobody else is believed'],
  ])('%s refuses "%s"', (name, text, problem) => {
    expect(problemsOf({ [name]: text })).toEqual([`${name}: ${problem}`]);
  });
});
