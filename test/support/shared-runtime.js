import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import Runtime from 'jest-runtime';

const root = join(import.meta.dirname, '../..');
const packages = join(root, 'node_modules/');
const packageUrls = pathToFileURL(packages).href;
const productUrls = pathToFileURL(join(root, 'src/')).href;
/** The part of Jest that knows which tests there are. */
const circus = join(packages, 'jest-circus/');

let shared;

/**
 * Loads packages and the product once for all spec files that a worker runs, and not for each of them anew: Nest and
 * what comes with it take longer to load than most files to run. What is under `test`, and each spec file, is loaded
 * for itself. It needs `shared-environment.js`.
 */
class OneRuntime extends Runtime {
  begin(specFile) {
    Object.assign(this, { _testPath: specFile });
    this.esmLoader.testPath = specFile;
    this.executor.testPath = specFile;
    this.testState.state = 'loading';
  }

  /** Forgets the spec file. */
  teardown() {
    const { registries } = this;
    this.restoreAllMocks();
    for (const [key, module] of registries.esModuleRegistry)
      if (!isShared(key, module)) registries.esModuleRegistry.delete(key);
    for (const path of registries.moduleRegistry.keys())
      if (!path.startsWith(packages)) registries.moduleRegistry.delete(path);
    for (const path of registries.internalModuleRegistry.keys())
      if (path.startsWith(circus)) registries.internalModuleRegistry.delete(path);
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

/** Jest calls it with `new` for each spec file, whose path is the seventh option. */
function SharedRuntime(...options) {
  shared ??= new OneRuntime(...options);
  shared.begin(options[6]);
  return shared;
}

/** Jest loads it with `require`. */
export { SharedRuntime as 'module.exports' };
