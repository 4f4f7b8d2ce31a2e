import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { authVariables } from './auth.variables.js';
import { combinedProblems } from './combined-rules.js';
import { deliveryVariables } from './delivery.variables.js';
import { describeIssue } from './describe-issue.js';
import { ownVariables, withSecrets } from './element-secrets.js';
import type { DriverSettings, ElementSettings } from './element-settings.js';
import { observabilityVariables } from './observability.variables.js';
import { resilienceVariables } from './resilience.variables.js';
import { serverVariables } from './server.variables.js';
import { serviceTokenVariables } from './service-token.variables.js';
import { signInVariables } from './sign-in.variables.js';
import { defaultElements, elementsSchema } from './storage-elements.variable.js';
import { storageVariables } from './storage.variables.js';
import { tracesVariables } from './traces.variables.js';
import { misspeltVariables, unknownVariables } from './unknown-variables.js';
import { uploadVariables } from './upload.variables.js';
import { utf8Text } from './utf8-text.js';

/** Every variable that the service reads, by room. docs/configuration.md lists the same, held by a test. */
export const variables = {
  ...serverVariables,
  ...uploadVariables,
  ...authVariables,
  ...signInVariables,
  ...storageVariables,
  ...resilienceVariables,
  ...deliveryVariables,
  ...serviceTokenVariables,
  ...observabilityVariables,
  ...tracesVariables,
};

const schema = z.object(variables);

/** The checked configuration. Names are those of the variables. */
export type Environment = Omit<z.infer<typeof schema>, 'STORAGE_ELEMENTS'> & {
  /** Each as its driver wants it. */
  STORAGE_ELEMENTS: ElementSettings[];
};

type Variables = Record<string, string | undefined>;

/** The configuration is missing something or wrong; `problems` names every variable, one a line. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';

  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

/**
 * Checks `env` as a whole: variables that are unset or empty take their default. `drivers` are those that a storage element
 * may have.
 * @throws ConfigurationError with all problems at once.
 */
export function parseEnvironment(env: Variables, drivers: readonly DriverSettings[]): Environment {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const elements = elementsSchema(drivers);
  const parsed = schema
    .extend({ STORAGE_ELEMENTS: elements.optional() })
    .safeParse({ ...given, STORAGE_ELEMENTS: withSecrets(given, drivers) }, { error: describeIssue });
  const problems = [...(parsed.error?.issues ?? []).map(describe), ...combinedProblems(given, drivers)];
  if (!parsed.success || problems.length > 0)
    throw new ConfigurationError([
      ...problems,
      ...misspeltVariables(knownVariables(given, drivers), Object.keys(given)),
    ]);
  const { STORAGE_ELEMENTS, DATA_DIR } = parsed.data;
  return {
    ...parsed.data,
    STORAGE_ELEMENTS: STORAGE_ELEMENTS ?? elements.parse(defaultElements(DATA_DIR)),
  };
}

/** The variables of this process as they are, unchecked. */
export function processVariables(): Variables {
  return { ...process.env };
}

/** `env` over an `.env` file, where there is one. @throws ConfigurationError when that cannot be read */
export function overEnvFile(env: Variables): Variables {
  return { ...readEnvFile(), ...env };
}

/** The configuration of this process. @throws ConfigurationError */
export function loadEnvironment(drivers: readonly DriverSettings[]): Environment {
  return parseEnvironment(overEnvFile(processVariables()), drivers);
}

/** Names the variables that were meant for this service and that it does not have, one a sentence. */
export function strayVariables(drivers: readonly DriverSettings[]): string[] {
  const known = knownVariables(overEnvFile(processVariables()), drivers);
  return unknownVariables(known, Object.keys(readEnvFile()), Object.keys(process.env));
}

function knownVariables(given: Variables, drivers: readonly DriverSettings[]): string[] {
  return [...Object.keys(variables), ...ownVariables(given, drivers)];
}

function readEnvFile(): Variables {
  if (!existsSync('.env')) return {};
  const text = utf8Text(readBytes('.env'));
  if (text === undefined) throw new ConfigurationError(['.env: must be UTF-8']);
  return parseEnv(text);
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ConfigurationError([`${path}: cannot be read (${String(error)})`]);
  }
}

/** `STORAGE_ELEMENTS[0].mode: must be …` */
function describe({ path, message }: z.core.$ZodIssue): string {
  const name = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`)).join('');
  return `${name.slice(1)}: ${message}`;
}
