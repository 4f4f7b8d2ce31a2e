import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

/** How a page is looked at. */
const LOOKS = {
  light: { colorScheme: 'light', width: 1280 },
  'narrow-dark': { colorScheme: 'dark', width: 390 },
} as const;
export type Look = keyof typeof LOOKS;

/** The height of a window; pictures show all that is below it too. */
export const HEIGHT = 900;

const OUTPUT = join(import.meta.dirname, '../../test-output');
const OVERFLOW = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const IS_THERE = "typeof axe === 'object'";

/** Axe says nothing against the page in any of `looks`, and nothing is beyond its right edge. Keeps a picture of each. */
export async function expectAccessible(
  page: Page,
  [folder, name]: readonly [folder: string, name: string],
  looks: readonly Look[] = ['light', 'narrow-dark'],
): Promise<void> {
  mkdirSync(join(OUTPUT, folder), { recursive: true });
  for (const look of looks) {
    const { colorScheme, width } = LOOKS[look];
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: HEIGHT });
    assert.deepEqual([name, look, await findingsIn(page)], [name, look, []]);
    assert.deepEqual([name, look, await page.evaluate(OVERFLOW)], [name, look, 0]);
    await page.screenshot({ path: join(OUTPUT, folder, `${name}-${look}.png`), fullPage: true });
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: HEIGHT });
}

async function findingsIn(page: Page): Promise<string[]> {
  // A document keeps it: to hand over and to compile one and a half million letters takes longer than to look.
  const isThere = await page.evaluate<boolean>(IS_THERE);
  const axe = new AxeBuilder(isThere ? { page, axeSource: IS_THERE } : { page });
  // Of what is well it need not tell each element. There are no frames, for which it would open a page of its own.
  axe
    .options({ resultTypes: ['violations'] })
    .withTags(WCAG)
    .setLegacyMode();
  const { violations } = await axe.analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}
