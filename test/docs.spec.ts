import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { METHODS } from 'node:http';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { z } from 'zod';
import { permissionsOf } from '../src/auth/permissions.js';
import { authVariables } from '../src/config/auth.variables.js';
import { deliveryVariables } from '../src/config/delivery.variables.js';
import { parseEnvironment } from './support/parse-environment.js';
import { variables } from '../src/config/environment.js';
import { observabilityVariables } from '../src/config/observability.variables.js';
import { serverVariables } from '../src/config/server.variables.js';
import { serviceTokenVariables } from '../src/config/service-token.variables.js';
import { signInVariables } from '../src/config/sign-in.variables.js';
import { storageVariables } from '../src/config/storage.variables.js';
import { tracesVariables } from '../src/config/traces.variables.js';
import { uploadVariables } from '../src/config/upload.variables.js';
import { ERROR_CATALOGUE } from '../src/errors/catalogue.js';

const root = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const configuration = read('docs/configuration.md');
const errors = read('docs/errors.md');

/** The cells of every table row that begins with a name in backticks, line by line. */
function rowsOf(markdown: string): string[][] {
  return markdown
    .split('\n')
    .filter((line) => /^\|\s*`[A-Z0-9_]+`/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

/** What stands between a heading and the next one. */
function sectionOf(markdown: string, heading: string): string {
  return markdown.split(/^## /m).find((section) => section.startsWith(`${heading}\n`)) ?? '';
}

describe('docs/configuration.md', () => {
  const sections: [heading: string, room: Record<string, z.ZodType>][] = [
    ['Server', serverVariables],
    ['Uploads', uploadVariables],
    ['Callers', authVariables],
    ['Signing in', signInVariables],
    ['Storage elements', storageVariables],
    ['Delivery', deliveryVariables],
    ['Service token', serviceTokenVariables],
    ['Logs', observabilityVariables],
    ['Traces', tracesVariables],
  ];

  it.each(sections)(
    'lists under "%s" what the schema has, with meaning, unit and default',
    (heading, room) => {
      const declared = Object.entries(room).map(([name, schema]) => rowFor(name, schema));
      expect(rowsOf(sectionOf(configuration, heading)).map((cells) => cells.join(' | '))).toEqual(declared);
    },
  );

  it('lists every variable of the schema once, and no other', () => {
    const listed = rowsOf(configuration).map(([name]) => name?.replaceAll('`', ''));
    expect(listed).toEqual(Object.keys(variables));
  });

  it('shows storage elements that are taken', () => {
    const example = codeOf(configuration, 'json');
    expect(parseEnvironment({ STORAGE_ELEMENTS: example }).STORAGE_ELEMENTS).toHaveLength(4);
  });

  it('shows a production configuration that is taken', () => {
    const lines = codeOf(configuration, 'sh').split('\n');
    const env = Object.fromEntries(lines.map((line) => line.split('=', 2)));
    expect(env.STORAGE_ELEMENTS).toMatch(/\.json$/);
    const given = { ...env, STORAGE_ELEMENTS: codeOf(configuration, 'json') };
    expect(parseEnvironment(given).NODE_ENV).toBe('production');
  });

  it('says which roles and scopes grant which permission', () => {
    const table = configuration.matchAll(/^\| `(\w+:\w+)` .*\|(.*)\|(.*)\|$/gm);
    const rows = [...table].map(([, permission, ...cells]) => ({ permission, names: cells.map(namesOf) }));
    const [roles, scopes] = [0, 1].map((column) => new Set(rows.flatMap(({ names }) => names[column] ?? [])));
    const granted = rows.map(({ permission }) => ({
      permission,
      names: [
        [...(roles ?? [])].filter((role) => grants([role], [], permission)),
        [...(scopes ?? [])].filter((scope) => grants([], [scope], permission)),
      ],
    }));
    const permissions = ['files:read', 'files:write', 'admin:read', 'admin:write'];
    expect(rows.map(({ permission }) => permission)).toEqual(permissions);
    expect(rows).toEqual(granted);
  });

  function namesOf(cell: string): string[] {
    return cell.match(/[\w:]+/g) ?? [];
  }

  function grants(roles: string[], scopes: string[], permission: string | undefined): boolean {
    const granted = permissionsOf({ roles: new Set(roles), scopes: new Set(scopes) });
    return [...granted].some((one) => one === permission);
  }

  function codeOf(markdown: string, language: string): string {
    return new RegExp(`^\`\`\`${language}\n([^]*?)\n\`\`\`$`, 'm').exec(markdown)?.[1] ?? '';
  }

  function rowFor(name: string, schema: z.ZodType): string {
    const { description = '', unit } = schema.meta() ?? {};
    const value = schema.safeParse(undefined).data;
    return [`\`${name}\``, description, String(unit), defaultText(value, unit)].join(' | ');
  }

  function defaultText(value: unknown, unit: unknown): string {
    if (value === undefined) return 'unset';
    if (Array.isArray(value)) return 'empty';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `\`${text}\`${unit === 'bytes' && value !== 0 ? ` (${inBinaryUnits(Number(value))})` : ''}`;
  }

  function inBinaryUnits(bytes: number): string {
    const power = Math.floor(Math.log2(bytes) / 10);
    return `${bytes / 1024 ** power} ${['bytes', 'KiB', 'MiB', 'GiB', 'TiB'][power]}`;
  }
});

describe('README.md', () => {
  it('shows a production configuration that is taken', () => {
    const example = /^NODE_ENV=production\n[^]*?(?=\n```$)/m.exec(read('README.md'))?.[0] ?? '';
    expect(parseEnvironment(parseEnv(example)).NODE_ENV).toBe('production');
  });
});

describe('docs/errors.md', () => {
  it('lists every code of the catalogue once, and no other, with its status and whether to try again', () => {
    const listed = rowsOf(errors).map(([code, status, retry]) => [code, status, retry].join(' | '));
    const declared = Object.entries(ERROR_CATALOGUE).map(
      ([code, { status, retryable }]) => `\`${code}\` | ${status} | ${retryable ? 'yes' : 'no'}`,
    );
    expect(listed).toEqual(declared);
  });

  it('says of every code what causes it and what to do', () => {
    const unexplained = rowsOf(errors).filter(
      (cells) => !cells[3]?.endsWith('.') || !cells[4]?.endsWith('.'),
    );
    expect(unexplained).toEqual([]);
  });

  it.each(Object.keys(ERROR_CATALOGUE))('lists %s, which the code does answer with', (code) => {
    const files = globSync('src/**/*.ts', { cwd: root, exclude: ['**/*.spec.ts', '**/catalogue.ts'] });
    expect(files.filter((file) => read(file).includes(`'${code}'`))).not.toEqual([]);
  });

  it('names variables that exist', () => {
    const named = errors.match(/`[A-Z]+(_[A-Z]+)+`/g)?.map((name) => name.replaceAll('`', '')) ?? [];
    const known = new Set([...Object.keys(variables), ...Object.keys(ERROR_CATALOGUE)]);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('docs/architecture.md', () => {
  const architecture = read('docs/architecture.md');

  it('has every room of src on its map', () => {
    const rooms = readdirSync(join(root, 'src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(rooms.map(({ name }) => name).filter((name) => !architecture.includes(`| \`${name}\``))).toEqual(
      [],
    );
  });

  it('names files that exist', () => {
    const named =
      architecture.match(/`[\w./-]+\.(ts|json|md)`/g)?.map((name) => name.replaceAll('`', '')) ?? [];
    const files = globSync(['src/**/*', 'docs/**/*', '*.json'], { cwd: root });
    expect(named.filter((name) => !files.some((file) => file.endsWith(name)))).toEqual([]);
  });
});

describe('docs/resilience.md', () => {
  const resilience = read('docs/resilience.md');

  it('shows code as it stands in a file that it names', () => {
    const files = [...resilience.matchAll(/`(src\/[\w./-]+\.ts)`/g)].map(([, path = '']) => read(path));
    const excerpts = [...resilience.matchAll(/^```ts\n([^]*?)\n```$/gm)].map(([, code = '']) => code);
    expect(excerpts).not.toEqual([]);
    expect(excerpts.filter((code) => !files.some((file) => file.includes(code)))).toEqual([]);
  });

  it('names variables that exist', () => {
    const named = resilience.match(/`[A-Z]+(_[A-Z]+)+_MS`/g)?.map((name) => name.replaceAll('`', '')) ?? [];
    expect(named.filter((name) => !Object.hasOwn(variables, name))).toEqual([]);
  });
});

describe('docs/storage.md', () => {
  it('shows storage elements that are taken', () => {
    const blocks = [...read('docs/storage.md').matchAll(/^```json\n([^]*?)\n```$/gm)].map(
      ([, code = '']) => code,
    );
    const examples = blocks.filter((code) => code.includes('"driver"'));
    expect(examples).toHaveLength(3);
    for (const STORAGE_ELEMENTS of examples)
      expect(parseEnvironment({ STORAGE_ELEMENTS }).STORAGE_ELEMENTS[0]).toMatchObject({ driver: 's3' });
  });
});

describe('the pages on security', () => {
  const pages = ['docs/security.md', 'docs/security-asvs.md'].map(read).join('\n');
  const named = [...pages.matchAll(/`([^`\s]+)`/g)].map(([, name = '']) => name);

  it('name files that exist', () => {
    const files = named.filter((name) => /^(src|test|docs)\/.*\.\w+$/.test(name));
    expect(files).not.toEqual([]);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('name variables and errors that exist', () => {
    const ofNode = ['NODE_EXTRA_CA_CERTS', 'NODE_TLS_REJECT_UNAUTHORIZED', ...METHODS];
    const known = new Set([...Object.keys(variables), ...Object.keys(ERROR_CATALOGUE), ...ofNode]);
    const capitals = named.filter((name) => /^[A-Z][A-Z_]+$/.test(name));
    expect(capitals.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe('the documentation', () => {
  const pages = globSync(['*.md', 'docs/**/*.md'], { cwd: root });

  it.each(pages)('of %s links to files that exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = '']) => link);
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it.each(pages)('of %s names scripts that exist', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(page).matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('has decisions with consecutive numbers, each with context, choice and price', () => {
    const decisions = readdirSync(join(root, 'docs/adr')).toSorted((one, other) => one.localeCompare(other));
    expect(decisions.map((name) => Number(name.slice(0, 4)))).toEqual(decisions.map((_, index) => index + 1));
    for (const name of decisions) {
      const headings = read(`docs/adr/${name}`).match(/^## .*$/gm);
      expect({ name, headings }).toEqual({ name, headings: ['## Context', '## Choice', '## Price'] });
    }
  });
});
