import { describe, expect, it } from '@jest/globals';
import { variables } from './environment.js';
import { misspeltVariables, unknownVariables } from './unknown-variables.js';

const KNOWN = Object.keys(variables);

describe('variables that nobody reads', () => {
  it.each([
    ['MAX_FILE_BYTE', 'MAX_FILE_BYTES'],
    ['MAX_FILE_BYTTES', 'MAX_FILE_BYTES'],
    ['MAX_FIEL_BYTES', 'MAX_FILE_BYTES or MAX_FIELD_BYTES'],
    ['MAX_FILE_BYTEZ', 'MAX_FILE_BYTES'],
    ['MAXFILE_BYTES', 'MAX_FILE_BYTES'],
    ['max_file_bytes', 'MAX_FILE_BYTES'],
    ['MAX-FILE-BYTES', 'MAX_FILE_BYTES'],
    ['FILE_MAX_BYTES', 'MAX_FILE_BYTES'],
    ['INGESTER_MAX_FILE_BYTES', 'MAX_FILE_BYTES'],
    ['MAX_FILE_SIZE', 'MAX_FILE_BYTES'],
    ['STORAGE_ELEMENT', 'STORAGE_ELEMENTS'],
    ['DATABASE_URI', 'DATABASE_URL'],
    ['DATADIR', 'DATA_DIR'],
    ['LEVEL_LOG', 'LOG_LEVEL'],
    ['JWT_JWKS_URI', 'JWT_JWKS_URL'],
    ['JWT_PUBLIC_KEY', 'JWT_PUBLIC_KEY_FILE'],
    ['SHUTDOWN_GRACE_SECONDS', 'SHUTDOWN_GRACE_MS'],
    ['OTEL_EXPORTER_OTLP_ENDPONT', 'OTEL_EXPORTER_OTLP_ENDPOINT'],
  ])('%s is told from %s', (name, meant) => {
    expect(misspeltVariables(KNOWN, [name])).toEqual([
      `${name} is not a variable of this service; did you mean ${meant}?`,
    ]);
  });

  it('are told from each that is as near', () => {
    expect(misspeltVariables(['MAX_FILE_BYTES', 'MAX_PARTS', 'MAX_FIELD_BYTES'], ['MAX_BYTES'])).toEqual([
      'MAX_BYTES is not a variable of this service; did you mean MAX_FILE_BYTES or MAX_FIELD_BYTES?',
    ]);
  });

  it('are not those that other programs read', () => {
    const others = `PATH HOME HOSTNAME HOSTS PWD OLDPWD SHELL SHLVL LANG LC_ALL TERM USER LOGNAME TZ CI DEBUG _ POST PORTS
      PORT_RANGE HTTP_PORT NODE_PORT NODE_OPTIONS NODE_PATH NODE_VERSION YARN_VERSION NODE_EXTRA_CA_CERTS NODE_NAME
      npm_lifecycle_event npm_config_loglevel npm_config_user_agent NPM_CONFIG_LOG_LEVEL NGINX_LOG_LEVEL LOG_FILE LOG_DIR
      KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_PORT_443_TCP_ADDR INGESTER_PORT_8020_TCP_PORT POD_NAME
      INGESTER_SERVICE_PORT POSTGRES_USER POSTGRES_DB PGHOST PGDATABASE DATABASE_HOST DATABASE_USER DATABASE_PASSWORD
      XDG_DATA_HOME XDG_DATA_DIRS XDG_RUNTIME_DIR TMPDIR http_proxy HTTPS_PROXY NO_PROXY SSH_AUTH_SOCK SSH_CONNECTION
      AWS_ACCESS_KEY_ID AWS_REGION AZURE_CLIENT_ID AZURE_CLIENT_SECRET GOOGLE_CLIENT_ID JWT_SECRET ADMIN_USER ADMIN_EMAIL
      OTEL_SERVICE_NAME OTEL_EXPORTER_OTLP_ENDPOINT JAVA_HOME DBUS_SESSION_BUS_ADDRESS MALLOC_ARENA_MAX UV_THREADPOOL_SIZE
      OTEL_EXPORTER_OTLP_COMPRESSION OTEL_EXPORTER_OTLP_METRICS_ENDPOINT OTEL_METRICS_EXPORTER OTEL_LOGS_EXPORTER
      OTEL_PROPAGATORS OTEL_LOG_LEVEL OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE`;
    expect(misspeltVariables(KNOWN, others.split(/\s+/))).toEqual([]);
  });

  it('are not ours, however near they are to one another', () => {
    expect(unknownVariables(KNOWN, KNOWN, KNOWN)).toEqual([]);
  });

  it('are all named where they stand in an .env file, once', () => {
    const names = ['MAX_PARTS', 'COLOUR', 'MAX_PART'];
    expect(unknownVariables(KNOWN, names, ['MAX_PART', 'COLOUR', 'PATH', 'LOG_LEVL'])).toEqual([
      'COLOUR in .env is not a variable of this service',
      'MAX_PART in .env is not a variable of this service; did you mean MAX_PARTS?',
      'LOG_LEVL is not a variable of this service; did you mean LOG_LEVEL?',
    ]);
  });

  it('are not named where a name can be a piece of a key that was written without quotes', () => {
    const names = ['MIIEvQIBADANBgkqhkiG9w0BAQ/\nMzEfYyjiWA4R+', 'password: abc', 'x'.repeat(65)];
    expect(unknownVariables(KNOWN, names, names)).toEqual([
      'a name in .env is none that a variable has; a value of several lines must be in quotes',
    ]);
  });
});
