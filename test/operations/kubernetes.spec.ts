import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { variables } from '../../src/config/environment.js';
import { startApp } from '../support/app.js';
import { describeUnless } from '../support/describe-unless.js';
import { parseEnvironment } from '../support/parse-environment.js';
import { PythonPackage } from '../support/python-package.js';
import {
  buildOverlay,
  configuredVariables,
  KUBERNETES,
  lackOfKustomize,
  type Manifest,
  manifestsIn,
  readManifests,
  readStatefulSet,
} from './kubernetes.js';
import { readText } from './watched-files.js';

const VERSION = '1.37';
const validator = new PythonPackage('kubernetes-validate', `${VERSION}.0`, 'kubernetes_validate');
const set = readStatefulSet();
const pod = set.spec.template.spec;
const [container] = pod.containers;
const configured = configuredVariables();
const ELEMENTS = 'deploy/kubernetes/overlays/production/storage-elements.json';
const dockerfile = readText('Dockerfile');

/** All variables of the service in a pod, with what the cluster puts in. */
function variablesOfPod(): Record<string, string> {
  const secrets: Record<string, string> = {
    'ingester-database/url': 'postgres://ingester:secret@postgres/ingester',
    'ingester-service-client/id': 'ingester',
    'ingester-service-client/secret': 'secret',
  };
  const own: Record<string, string> = { POD_NAME: 'ingester-2', POD_NAMESPACE: 'here' };
  for (const { name, value, valueFrom } of container.env) {
    const { secretKeyRef: secret } = valueFrom ?? {};
    if (secret) own[name] = secrets[`${secret.name}/${secret.key}`] ?? '';
    else if (value !== undefined)
      own[name] = value.replaceAll(/\$\((\w+)\)/g, (_, other) => own[other] ?? '');
  }
  return { ...configured, ...own };
}

describe('deploy/kubernetes', () => {
  it.each(['base', 'overlays/production'])('%s has no file that nobody applies', (folder) => {
    const { resources, configMapGenerator, patches } = parse(
      readText(`deploy/kubernetes/${folder}/kustomization.yaml`),
    ) as {
      resources: string[];
      configMapGenerator: { envs?: string[]; files?: string[] }[];
      patches?: { path: string }[];
    };
    const generated = configMapGenerator.flatMap(({ envs = [], files = [] }) => envs.concat(files));
    const patched = patches?.map(({ path }) => path) ?? [];
    const applied = [...resources, ...generated, ...patched].filter((path) => path !== '../../base');
    const files = readdirSync(join(KUBERNETES, folder)).filter((name) => name !== 'kustomization.yaml');
    expect(applied.toSorted()).toEqual(files.toSorted());
  });

  it('sets variables that the service has, and no secret in the open', () => {
    const ofPod = container.env.map(({ name }) => name).filter((name) => !name.startsWith('POD_'));
    const named = [...Object.keys(configured), ...ofPod];
    expect(named.filter((name) => !Object.hasOwn(variables, name))).toEqual([]);
    expect(new Set(named).size).toBe(named.length);
    expect(Object.keys(configured).filter((name) => /SECRET|DATABASE_URL/.test(name))).toEqual([]);
  });

  it('is a configuration that production takes', () => {
    const STORAGE_ELEMENTS = readText(ELEMENTS);
    const given = variablesOfPod();
    expect(given.STORAGE_ELEMENTS).toBe('/etc/ingester/storage-elements.json');
    expect(parseEnvironment({ ...given, STORAGE_ELEMENTS })).toMatchObject({
      NODE_ENV: 'production',
      REPLICA_ADDRESS: 'http://ingester-2.ingester-replicas.here.svc:8020',
      DATABASE_URL: 'postgres://ingester:secret@postgres/ingester',
      SERVICE_CLIENT_SECRET: 'secret',
    });
  });

  it('gives a pod the time that the service takes to stop', () => {
    const { SHUTDOWN_DRAIN_DELAY_MS, SHUTDOWN_GRACE_MS } = parseEnvironment({
      ...variablesOfPod(),
      STORAGE_ELEMENTS: readText(ELEMENTS),
    });
    const seconds = (SHUTDOWN_DRAIN_DELAY_MS + SHUTDOWN_GRACE_MS) / 1000 + 10;
    expect(pod.terminationGracePeriodSeconds).toBe(seconds);
  });

  it('has the ports of the configuration at every place', () => {
    const { PORT, MANAGEMENT_PORT } = configured;
    const ports = new Map(container.ports.map(({ name, containerPort }) => [name, String(containerPort)]));
    expect(ports).toEqual(
      new Map([
        ['http', PORT],
        ['management', MANAGEMENT_PORT],
      ]),
    );
    for (const { targetPort } of readManifests('base/services.yaml').flatMap(portsOf))
      expect(ports.has(targetPort)).toBe(true);
    expect(variablesOfPod().REPLICA_ADDRESS).toMatch(new RegExp(`:${PORT}$`));
    expect(dockerfile).toContain(`EXPOSE ${PORT}\n`);
  });

  it('selects its pods wherever it selects', () => {
    const { labels } = set.spec.template.metadata;
    const texts = readdirSync(join(KUBERNETES, 'base'))
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readText(`deploy/kubernetes/base/${name}`));
    const selected = texts.flatMap((text) => manifestsIn(text).flatMap(selectorsOf));
    expect(selected).toHaveLength(8);
    for (const selector of selected) expect(selector).toEqual(labels);
  });

  it('runs as the user of the image, who is not root and can do nothing else', () => {
    const [, user, group] = /^USER (\d+):(\d+)$/m.exec(dockerfile.split('AS runtime')[1] ?? '') ?? [];
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(user),
      runAsGroup: Number(group),
      fsGroup: Number(group),
      seccompProfile: { type: 'RuntimeDefault' },
    });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  it('keeps what the service writes on a volume of each replica', () => {
    const [claim] = set.spec.volumeClaimTemplates;
    const mount = container.volumeMounts.find(({ name }) => name === claim?.metadata.name);
    expect(mount?.mountPath).toBe('/data');
    expect(dockerfile).toContain('VOLUME /data\n');
    expect(configured.DATA_DIR).toMatch(/^\/data\//);
    expect(configured).not.toHaveProperty('SPOOL_DIR');
    const names = readManifests('base/services.yaml').map(({ metadata }) => metadata.name);
    expect(names).toContain(set.spec.serviceName);
  });

  it('takes no replica away by itself', () => {
    const [autoscaler] = readManifests('base/autoscaler.yaml');
    expect(autoscaler?.spec).toMatchObject({
      scaleTargetRef: { kind: 'StatefulSet', name: set.metadata.name },
      behavior: { scaleDown: { selectPolicy: 'Disabled' } },
    });
    // Else each `apply` would set the number again.
    expect(set.spec).not.toHaveProperty('replicas');
  });

  it('asks the service for what it answers at the management port', async () => {
    const running = await startApp({ MANAGEMENT_PORT: '0' });
    try {
      for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
        expect(probe.httpGet.port).toBe('management');
        const answer = await fetch(`http://127.0.0.1:${running.managementPort}${probe.httpGet.path}`);
        expect(answer.status).toBe(200);
        await answer.text();
      }
    } finally {
      await running.close();
    }
  });
});

describeUnless(lackOfKustomize)('the overlay for production, as it is built', () => {
  const text = lackOfKustomize === undefined ? buildOverlay() : '';
  const manifests = manifestsIn(text);
  const only = (kind: string): readonly Manifest[] => manifests.filter((manifest) => manifest.kind === kind);

  it('has everything in its namespace, with the configuration of both', () => {
    const [namespace] = only('Namespace');
    const others = manifests.filter(({ kind }) => kind !== 'Namespace');
    expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(
      new Set([namespace?.metadata.name]),
    );
    const maps = only('ConfigMap');
    expect(maps.map(({ data }) => data)).toContainEqual(configured);
    const { image, envFrom } = (only('StatefulSet')[0] as unknown as typeof set).spec.template.spec
      .containers[0];
    expect(maps.map(({ metadata }) => metadata.name)).toContain(envFrom[0]?.configMapRef.name);
    const { version } = JSON.parse(readText('package.json')) as { version: string };
    expect(image).toBe(`registry.example/ingester:${version}`);
  });
});

describeUnless(lackOfKustomize ?? (await validator.lack()))(`the schemas of Kubernetes ${VERSION}`, () => {
  const folder = mkdtemp(join(tmpdir(), 'ingester-kubernetes-'));
  afterAll(async () => rm(await folder, { recursive: true }));

  async function validate(text: string): Promise<string> {
    const file = join(await folder, 'manifests.yaml');
    await writeFile(file, text);
    const args = ['-m', 'kubernetes_validate', '--strict', '-k', VERSION, file];
    const { stdout } = await promisify(execFile)('python3', args, { env: validator.environment });
    return stdout;
  }

  it('take every manifest', async () => {
    const text = buildOverlay();
    const told = (await validate(text)).trim().split('\n');
    expect(told).toHaveLength(manifestsIn(text).length);
    for (const line of told) expect(line).toMatch(/^INFO .* passed for resource /);
  });

  it('would find a member that does not exist', async () => {
    const text = buildOverlay().replace('terminationGracePeriodSeconds', 'terminationGraceSeconds');
    await expect(validate(text)).rejects.toThrow(/terminationGraceSeconds|failed/i);
  });
});

function portsOf({ spec }: Manifest): { targetPort: string }[] {
  return (spec?.ports ?? []) as { targetPort: string }[];
}

/** All selectors of pods in a manifest, wherever they stand; those of namespaces are left out. */
function selectorsOf(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (!['selector', 'podSelector', 'labelSelector'].includes(name)) return selectorsOf(member);
    return [(member as { matchLabels?: unknown }).matchLabels ?? member];
  });
}
