import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Runtime from 'jest-runtime';

const root = join(import.meta.dirname, '../..');
const packages = join(root, 'node_modules/');
const packageUrls = pathToFileURL(packages).href;
const productUrls = pathToFileURL(join(root, 'src/')).href;

let shared;

/**
 * Loads packages and the product once for all spec files that a worker runs, and not for each of them anew: Nest and
 * what comes with it take longer to load than most files to run. What is under `test`, and each spec file, is loaded
 * for itself. It needs `shared-environment.js`.
 */
class SharedRuntime extends Runtime {
  /** As Jest calls it: configuration, environment, resolver, transformer, sources, coverage, spec file, run. */
  constructor(...options) {
    const [, , , , , , specFile] = options;
    if (shared) return shared.begin(specFile);
    super(...options);
    shared = this;
  }

  begin(specFile) {
    this._testPath = specFile;
    this.esmLoader.testPath = specFile;
    this.executor.testPath = specFile;
    this.testState.state = 'loading';
    return this;
  }

  /** Forgets the spec file. */
  teardown() {
    const { registries } = this;
    this.restoreAllMocks();
    for (const [key, module] of registries.esModuleRegistry)
      if (!isShared(key, module)) registries.esModuleRegistry.delete(key);
    for (const path of registries.moduleRegistry.keys())
      if (!path.startsWith(packages)) registries.moduleRegistry.delete(path);
    registries.internalModuleRegistry.clear();
    this.testMainModule.reset();
    this.mockState.clear();
    this.fileCache.clear();
    this.transformCache.clear();
    this.jestGlobals.clearJestObjectCache();
    this.loggedReferenceErrors.clear();
    this.testState.teardown();
  }
}

function isShared(key, module) {
  if (module.status !== 'evaluated') return false;
  return key.startsWith(packageUrls) || (key.startsWith(productUrls) && !key.endsWith('.spec.ts'));
}

export { SharedRuntime as 'module.exports' };
