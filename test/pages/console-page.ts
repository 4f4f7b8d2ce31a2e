import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { errorsOf, startBrowser } from '../support/browser.js';
import { OperatorsDouble } from '../support/operators-double.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { expectAccessible, HEIGHT, type Look } from './accessibility.js';

/** A browser in front of the console of a service, for whose API a double answers. */
export class ConsoleFixture {
  private constructor(
    private readonly service: ServiceProcess,
    private readonly browser: Browser,
    readonly double: OperatorsDouble,
  ) {}

  static async start(): Promise<ConsoleFixture> {
    const starting = startBrowser();
    const service = await startServiceProcess();
    const double = await new OperatorsDouble(`http://127.0.0.1:${await service.port()}`).start();
    return new ConsoleFixture(service, await starting, double);
  }

  /** Forgets what the double was told. */
  reset(): void {
    const { double } = this;
    double.breakOff();
    double.answers.clear();
    double.orders.length = 0;
    double.asked.length = 0;
    double.refusal = undefined;
    double.answers.set('GET /api/v1/resilience/health', [200, { status: 'healthy' }]);
  }

  open(): Promise<ConsolePage> {
    return ConsolePage.open(this.browser, this.double.origin);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.double.close();
    await this.service.dispose();
  }
}

/** A tab with the console in it. */
export class ConsolePage {
  private constructor(
    readonly page: Page,
    readonly origin: string,
    private readonly errors: readonly string[],
    private readonly strangers: readonly string[],
  ) {}

  /** `others` are origins that it may ask besides; `refused` is what a browser says of what it may not. */
  static async open(
    browser: Browser,
    origin: string,
    { others = [], refused = /^$/ }: { readonly others?: readonly string[]; readonly refused?: RegExp } = {},
  ): Promise<ConsolePage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: HEIGHT } });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const strangers: string[] = [];
    page.on('request', (request) => {
      if (
        !/^(data|blob):/.test(request.url()) &&
        ![origin, ...others].includes(new URL(request.url()).origin)
      )
        strangers.push(request.url());
    });
    // What is refused or breaks off a browser tells of as an error, which it is not.
    const expected = new RegExp(
      `the server responded with a status of|ERR_INCOMPLETE_CHUNKED_ENCODING|${refused.source}`,
    );
    return new ConsolePage(page, origin, errorsOf(page, expected), strangers);
  }

  /** Goes to a screen, and gives a token there. */
  async signIn(path: string, token = 'a.token.here'): Promise<void> {
    await this.page.goto(`${this.origin}/console/${path}`);
    await this.page.getByLabel('Token').fill(token);
    await this.page.getByRole('button', { name: 'Use this token' }).click();
    await this.page.getByRole('navigation', { name: 'Screens' }).waitFor();
  }

  /** Shows another screen, as a link to it would; one that is not there would be another. */
  async show(path: string): Promise<void> {
    await this.page.evaluate(
      `history.pushState(null, '', '/console/' + ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent('popstate'))`,
    );
    const [screen] = path.split(/[/?]/);
    await this.page.locator(`nav.screens a[aria-current="page"][href$="/console/${screen}"]`).waitFor();
  }

  expectAccessible(name: string, looks?: readonly Look[]): Promise<void> {
    return expectAccessible(this.page, ['console', name], looks);
  }

  /** Closes it. Nothing was wrong, and no other origin was asked for anything. */
  async close(): Promise<void> {
    await this.page.context().close();
    this.expectClean();
  }

  /** Nothing was wrong so far, and no other origin was asked for anything. */
  expectClean(): void {
    assert.deepEqual(this.errors, []);
    assert.deepEqual(this.strangers, []);
  }
}
