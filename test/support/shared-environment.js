import { TestEnvironment } from 'jest-environment-node';

/** What Jest leaves among the globals for each spec file anew, and with it all that the file has held. */
const JESTS = new Set(['EVENT_HANDLERS', 'JEST_STATE_SYMBOL']);

let shared;

/**
 * One context for all spec files that a worker runs, since modules are loaded for a context. Each file finds the
 * timers, the environment variables and Jest's own globals as the first one did.
 */
class OneEnvironment extends TestEnvironment {
  constructor(config, context) {
    super(config, context);
    const { process } = this.global;
    this.exit = process.exit.bind(process);
    this.variables = { ...process.env };
  }

  async teardown() {
    const { process } = this.global;
    this.fakeTimers.clearAllTimers();
    this.fakeTimersModern.dispose();
    process.exit = this.exit;
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, this.variables);
    for (const key of Object.getOwnPropertySymbols(this.global))
      if (JESTS.has(key.description)) delete this.global[key];
    // It keeps all that was ever global, to take it apart at the end.
    const { _globalProxy: globals } = this;
    globals.propertyToValue.clear();
    globals.leftovers = [];
  }
}

/** Jest calls it with `new` for each spec file. */
export default function SharedEnvironment(config, context) {
  shared ??= new OneEnvironment(config, context);
  return shared;
}
