import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');

/** A regular expression of the product as it is written. */
export interface SourceExpression {
  /** `src/a.ts:12` */
  readonly place: string;
  /** `/^a+$/i` */
  readonly text: string;
  readonly source: string;
  readonly flags: string;
}

/** What the product has of regular expressions: those that are written out, and the places of those that are built. */
export interface SourceExpressions {
  readonly literals: readonly SourceExpression[];
  readonly built: readonly string[];
}

/** Reads every file of `src` but the specs. */
export function sourceExpressions(): SourceExpressions {
  const literals: SourceExpression[] = [];
  const built: string[] = [];
  for (const path of globSync('src/**/*.ts', { cwd: ROOT }).filter((name) => !name.endsWith('.spec.ts'))) {
    const file = ts.createSourceFile(path, readFileSync(join(ROOT, path), 'utf8'), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      const place = `${path}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
      if (ts.isRegularExpressionLiteral(node)) literals.push({ place, ...partsOf(node.text) });
      if (isBuilt(node)) built.push(`${place} ${node.getText(file)}`);
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return { literals, built };
}

function partsOf(text: string): Omit<SourceExpression, 'place'> {
  const end = text.lastIndexOf('/');
  return { text, source: text.slice(1, end), flags: text.slice(end + 1) };
}

/** `new RegExp(…)` and `RegExp(…)`; the methods of strings that make an expression of a text are in it too. */
function isBuilt(node: ts.Node): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false;
  return ts.isIdentifier(node.expression) && node.expression.text === 'RegExp';
}
