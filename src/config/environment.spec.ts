import { describe, expect, it } from '@jest/globals';
import { join } from 'node:path';
import { parseEnvironment } from '../../test/support/parse-environment.js';
import { ConfigurationError, variables } from './environment.js';

type Given = Record<string, string | undefined>;

/** The problems that a start with `env` is refused for; none where it is not. */
function problemsOf(env: Given): readonly string[] {
  try {
    parseEnvironment(env);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
}

describe('failures that open a circuit', () => {
  it.each(['STORAGE', 'SERVICE_TOKEN', 'JWT_JWKS'])('of %s are no more than a circuit keeps', (prefix) => {
    const name = `${prefix}_CIRCUIT_FAILURE_THRESHOLD`;
    expect(problemsOf({ [name]: '10000' })).toEqual([]);
    expect(problemsOf({ [name]: '10001' })).toEqual([`${name}: must be at most 10000, got 10001`]);
    expect(problemsOf({ [name]: '0' })).toEqual([`${name}: must be at least 1, got 0`]);
  });
});

describe('the defaults', () => {
  it('let a developer start with nothing set', () => {
    expect(parseEnvironment({})).toMatchObject({
      NODE_ENV: 'development',
      HOST: '0.0.0.0',
      PORT: 8020,
      DATA_DIR: './data',
      MAX_FILE_BYTES: 10 * 1024 ** 3,
      SKIP_AUTH: false,
      CORS_ORIGINS: [],
      ALLOWED_MEDIA_TYPES: [],
      SERVICE_TOKEN_ENCODING: 'form',
      LOG_LEVEL: 'info',
    });
  });

  it('have one local storage element for each retention policy, under the data folder', () => {
    const { STORAGE_ELEMENTS } = parseEnvironment({ DATA_DIR: '/var/lib/ingester' });
    expect(STORAGE_ELEMENTS).toEqual([
      {
        id: 'local-edit',
        driver: 'local',
        path: join('/var/lib/ingester', 'storage', 'edit'),
        mode: 'edit',
        priority: 100,
      },
      {
        id: 'local-rw',
        driver: 'local',
        path: join('/var/lib/ingester', 'storage', 'rw'),
        mode: 'rw',
        priority: 100,
      },
    ]);
  });

  it('leave unset what has none', () => {
    const environment = parseEnvironment({});
    expect(environment.JWT_PUBLIC_KEY_FILE).toBeUndefined();
    expect(environment.SERVICE_CLIENT_SECRET).toBeUndefined();
    expect(environment.LOG_FORMAT).toBeUndefined();
  });

  it('apply to every variable that is set to the empty string', () => {
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, '']));
    expect(parseEnvironment(empty)).toEqual(parseEnvironment({}));
  });

  it('are not touched by variables of other programs', () => {
    expect(parseEnvironment({ PATH: '/usr/bin', PORTX: '1' })).toEqual(parseEnvironment({}));
  });
});

describe('numbers', () => {
  it.each([
    ['8080', 8080],
    ['0', 0],
    [' 8080 ', 8080],
    ['65535', 65_535],
  ])('takes %j as a port', (value, port) => {
    expect(parseEnvironment({ PORT: value }).PORT).toBe(port);
  });

  it.each(['abc', '1.5', '-1', '1e3', '0x10', '   ', 'Infinity', '8080,8081'])(
    'refuses %j as a port',
    (value) => {
      expect(problemsOf({ PORT: value })).toEqual([
        `PORT: must be a whole number, got ${JSON.stringify(value.trim())}`,
      ]);
    },
  );

  it('names the bound and the value', () => {
    const outside = { PORT: '65536', MAX_HEADER_BYTES: '10', STORAGE_EXPIRY_SWEEP_INTERVAL_MS: '0' };
    expect(problemsOf(outside)).toEqual([
      'PORT: must be at most 65535, got 65536',
      'MAX_HEADER_BYTES: must be at least 1024, got 10',
      'STORAGE_EXPIRY_SWEEP_INTERVAL_MS: must be at least 1000, got 0',
    ]);
  });

  it('refuses a time that no timer can wait, since it would elapse at once', () => {
    expect(parseEnvironment({ SHUTDOWN_GRACE_MS: '2147483647' }).SHUTDOWN_GRACE_MS).toBe(2 ** 31 - 1);
    expect(problemsOf({ SHUTDOWN_GRACE_MS: '2147483648' })).toEqual([
      'SHUTDOWN_GRACE_MS: must be at most 2147483647, got 2147483648',
    ]);
  });

  it.each(['RECEIPT_RETENTION_DAYS', 'DEAD_LETTER_RETENTION_DAYS'])(
    'refuses a time in %s that no date can lie back',
    (name) => {
      expect(parseEnvironment({ [name]: '36500' })).toMatchObject({ [name]: 36_500 });
      expect(problemsOf({ [name]: '36501' })).toEqual([`${name}: must be at most 36500, got 36501`]);
    },
  );

  it('refuses a count that cannot be held exactly', () => {
    expect(problemsOf({ MAX_FILE_BYTES: '9007199254740993' })).toEqual([
      expect.stringContaining('MAX_FILE_BYTES: must be at most 9007199254740991'),
    ]);
  });

  it('repeats no more than the beginning of a long value', () => {
    const [problem = ''] = problemsOf({ PORT: 'x'.repeat(5_000) });
    expect(problem.length).toBeLessThan(150);
  });
});

describe('words', () => {
  it.each([
    ['true', true],
    ['YES', true],
    ['1', true],
    ['off', false],
    ['False', false],
  ])('reads %s as the flag %s', (value, flag) => {
    expect(parseEnvironment({ SKIP_AUTH: value }).SKIP_AUTH).toBe(flag);
  });

  it('refuses what is not in the list, and says what is', () => {
    expect(problemsOf({ NODE_ENV: 'Production', LOG_FORMAT: 'xml', SKIP_AUTH: 'perhaps' })).toEqual([
      'NODE_ENV: must be development, test or production, got "Production"',
      'SKIP_AUTH: must be true, 1, yes, on, false, 0, no or off, got "perhaps"',
      'LOG_FORMAT: must be json or text, got "xml"',
    ]);
  });
});

describe('the public URL', () => {
  it.each([
    ['https://files.example', 'https://files.example'],
    ['https://files.example/', 'https://files.example'],
    ['HTTP://Files.example:8443/in/v2//', 'http://files.example:8443/in/v2'],
    ['https://dateien-für-alle.example/größe', 'https://xn--dateien-fr-alle-7vb.example/gr%C3%B6%C3%9Fe'],
  ])('%s is read as %s', (value, url) => {
    expect(parseEnvironment({ PUBLIC_URL: value }).PUBLIC_URL).toBe(url);
  });

  it.each([
    ['/in', 'must be an http or https URL'],
    ['files.example', 'must be an http or https URL'],
    ['ftp://files.example', 'must be an http or https URL'],
    ['https://me:secret@files.example', 'must not hold a user name or password'],
    ['https://files.example/?', 'must not have a query or fragment'],
    ['https://files.example/#top', 'must not have a query or fragment'],
  ])('%s is refused', (value, problem) => {
    expect(problemsOf({ PUBLIC_URL: value })).toEqual([`PUBLIC_URL: ${problem}`]);
  });
});

describe('an expected claim', () => {
  it.each(['JWT_ISSUER', 'JWT_AUDIENCE'] as const)(
    'of %s is not checked with a star, as where it is unset',
    (name) => {
      expect(parseEnvironment({ [name]: ' ingester ' })[name]).toBe('ingester');
      expect(parseEnvironment({ [name]: '*' })[name]).toBeUndefined();
      expect(parseEnvironment({})[name]).toBeUndefined();
    },
  );
});

describe('lists', () => {
  it('are split at commas, without blanks and empty items', () => {
    const { CORS_ORIGINS } = parseEnvironment({
      CORS_ORIGINS: ' https://a.example, ,http://b.example:8080,',
    });
    expect(CORS_ORIGINS).toEqual(['https://a.example', 'http://b.example:8080']);
  });

  it('take a star for every origin and media ranges for types', () => {
    const environment = parseEnvironment({
      CORS_ORIGINS: '*',
      ALLOWED_MEDIA_TYPES: 'image/*,application/pdf',
    });
    expect(environment.CORS_ORIGINS).toEqual(['*']);
    expect(environment.ALLOWED_MEDIA_TYPES).toEqual(['image/*', 'application/pdf']);
  });

  it('refuse an item that could never fit, and say which one', () => {
    expect(
      problemsOf({ CORS_ORIGINS: 'https://a.example,https://b.example/', ALLOWED_MEDIA_TYPES: 'png' }),
    ).toEqual([
      'CORS_ORIGINS[1]: must be origins such as https://app.example, without a path, got "https://b.example/"',
      'ALLOWED_MEDIA_TYPES[0]: must be media types such as image/png or image/*, got "png"',
    ]);
  });
});

describe('a configuration that is not usable', () => {
  it('is refused with every bad variable at once, malformed ones and missing ones together', () => {
    const problems = problemsOf({
      NODE_ENV: 'production',
      PORT: 'abc',
      MAX_PARTS: '0',
      SKIP_AUTH: 'true',
      JWT_JWKS_URL: 'ftp://keys.example',
      JWT_PUBLIC_KEY_FILE: '/keys/public.pem',
      STORAGE_ELEMENTS: '[{"id":"a","driver":"http","mode":"edit"}]',
    });
    expect(problems).toEqual([
      'PORT: must be a whole number, got "abc"',
      'MAX_PARTS: must be at least 1, got 0',
      'JWT_PUBLIC_KEY_FILE: is not usable: the file cannot be read (ENOENT)',
      'JWT_JWKS_URL: must be an http or https URL',
      'STORAGE_ELEMENTS[0].url: must be an http or https URL',
      'JWT_PUBLIC_KEY_FILE, JWT_JWKS_URL: set one of the two, not both',
      'SKIP_AUTH: is not allowed with NODE_ENV=production',
      'JWT_ISSUER: is required with NODE_ENV=production; * takes any',
      'JWT_AUDIENCE: is required with NODE_ENV=production; * takes any',
      'SERVICE_TOKEN_URL: is required for storage elements with driver "http"',
      'SERVICE_CLIENT_ID: is required for storage elements with driver "http"',
      'SERVICE_CLIENT_SECRET: is required for storage elements with driver "http"',
    ]);
  });

  it('names what may have been meant as well', () => {
    expect(problemsOf({ MAX_PARTS: '0', MAX_FILE_SIZE: 'secret', COLOUR: 'blue' })).toEqual([
      'MAX_PARTS: must be at least 1, got 0',
      'MAX_FILE_SIZE is not a variable of this service; did you mean MAX_FILE_BYTES?',
    ]);
  });

  it('puts one problem on a line, for people', () => {
    expect(() => parseEnvironment({ PORT: 'abc', MAX_PARTS: '0' })).toThrow(
      'The configuration is not usable:\n' +
        '  PORT: must be a whole number, got "abc"\n' +
        '  MAX_PARTS: must be at least 1, got 0',
    );
  });

  it('says so in plain English for every variable', () => {
    for (const name of Object.keys(variables)) {
      for (const problem of [' ', 'what ever?', '-1'].flatMap((value) => problemsOf({ [name]: value }))) {
        expect(problem).not.toMatch(/invalid|expected|NaN|received|undefined|null|Error:/i);
      }
    }
  });

  it('never repeats a secret', () => {
    const secret = 'hunter2-s3cr3t';
    const message = problemsOf({
      NODE_ENV: 'production',
      SERVICE_CLIENT_SECRET: secret,
      SERVICE_TOKEN_URL: `https://client:${secret}@tokens.example/token`,
      JWT_JWKS_URL: `ftp://user:${secret}@keys.example/`,
      STORAGE_ELEMENTS: JSON.stringify([
        { id: secret + '!', driver: 'http', mode: 'edit', url: `https://u:${secret}@se.example` },
      ]),
    }).join('\n');
    expect(message).toContain('SERVICE_TOKEN_URL: must not hold a user name or password');
    expect(message).toContain('JWT_JWKS_URL: must be an http or https URL');
    expect(message).toContain('STORAGE_ELEMENTS[0].url: must not hold a user name or password');
    expect(message).not.toContain(secret);
  });

  it('refuses blanks where a text is needed, without repeating them', () => {
    expect(problemsOf({ JWT_ISSUER: '   ' })).toEqual(['JWT_ISSUER: must not be blank']);
  });
});
