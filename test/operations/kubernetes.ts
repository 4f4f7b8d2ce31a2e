import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { readText } from './watched-files.js';

export const KUBERNETES = join(import.meta.dirname, '../../deploy/kubernetes');
const OVERLAY = 'overlays/production';

/** A program that builds what an overlay makes of its base. */
const PROGRAMS: readonly (readonly [string, ...string[]])[] = [
  ...(process.env.KUSTOMIZE_PATH ? [[process.env.KUSTOMIZE_PATH, 'build'] as const] : []),
  ['kustomize', 'build'],
  ['kubectl', 'kustomize'],
];

const program = PROGRAMS.find(([name, command = '']) => spawnSync(name, [command, '--help']).status === 0);

/** Why the overlay cannot be built. */
export const lackOfKustomize =
  program === undefined
    ? 'neither kustomize nor kubectl is in PATH, or kustomize where KUSTOMIZE_PATH says'
    : undefined;

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: { readonly secretKeyRef?: { readonly name: string; readonly key: string } };
}

interface Container {
  readonly image: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly env: readonly Variable[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

type Labels = Readonly<Record<string, string>>;

export interface StatefulSet {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly serviceName: string;
    readonly replicas?: number;
    readonly selector: { readonly matchLabels: Labels };
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[];
    readonly template: {
      readonly metadata: { readonly labels: Labels };
      readonly spec: {
        readonly terminationGracePeriodSeconds: number;
        readonly securityContext: object;
        readonly containers: readonly [Container];
      };
    };
  };
}

/** What of any kind the tests look at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** The manifests of a text with several. */
export function manifestsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text).map((document) => document.toJS() as Manifest);
}

/** Builds the overlay; gives the text with all its manifests. */
export function buildOverlay(): string {
  const [name, ...args] = program ?? ['kustomize', 'build'];
  return execFileSync(name, [...args, join(KUBERNETES, OVERLAY)], { encoding: 'utf8' });
}

export const readManifests = (path: string): readonly Manifest[] =>
  manifestsIn(readText(`deploy/kubernetes/${path}`));

export const readStatefulSet = (): StatefulSet =>
  readManifests('base/stateful-set.yaml')[0] as unknown as StatefulSet;

/** Variables of the ConfigMap: those of the base, and those with which the overlay adds to them. */
export function configuredVariables(): Record<string, string> {
  const files = ['base/ingester.env', `${OVERLAY}/production.env`];
  return Object.assign({}, ...files.map((path) => parseEnv(readText(`deploy/kubernetes/${path}`)))) as Record<
    string,
    string
  >;
}
