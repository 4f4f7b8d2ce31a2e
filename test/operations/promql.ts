import { parser } from '@prometheus-io/lezer-promql';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

/** `label="value"`, as it is written. */
interface LabelMatcher {
  readonly label: string;
  readonly operator: string;
  readonly value: string;
}

/** A metric in an expression of PromQL, and what the expression takes its labels to be. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly LabelMatcher[];
  /** Labels by which what is around it groups or matches. */
  readonly groupedBy: readonly string[];
}

/** Finds the metrics of an expression. @throws SyntaxError for what is no PromQL */
export function selectorsOf(expression: string): Selector[] {
  const tree = parser.parse(expression);
  const selectors: Selector[] = [];
  tree.iterate({
    enter: ({ node, type, from }) => {
      if (type.isError) throw new SyntaxError(`no PromQL at ${from}: ${expression}`);
      if (type.name === 'VectorSelector') selectors.push(selectorOf(node, expression));
    },
  });
  return selectors;
}

function selectorOf(node: SyntaxNode, expression: string): Selector {
  const identifier = node.getChild('Identifier');
  if (!identifier) throw new SyntaxError(`a selector without the name of a metric: ${expression}`);
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? [];
  return {
    metric: textOf(identifier, expression),
    matchers: matchers.map((matcher) => matcherOf(matcher, expression)),
    groupedBy: groupingsAround(node).map((label) => textOf(label, expression)),
  };
}

function matcherOf(node: SyntaxNode, expression: string): LabelMatcher {
  const part = (name: string): string => {
    const found = node.getChild(name);
    if (!found) throw new SyntaxError(`a matcher without ${name}: ${expression}`);
    return textOf(found, expression);
  };
  return { label: part('LabelName'), operator: part('MatchOp'), value: part('StringLiteral').slice(1, -1) };
}

/** The labels of `by`, `without` and `on` in all that is around a selector. */
function groupingsAround(node: SyntaxNode): SyntaxNode[] {
  const labels: SyntaxNode[] = [];
  for (let around = node.parent; around; around = around.parent)
    for (const clause of ['AggregateModifier', 'MatchingModifierClause'])
      for (const grouping of around.getChild(clause)?.getChildren('GroupingLabels') ?? [])
        labels.push(...grouping.getChildren('LabelName'));
  return labels;
}

const textOf = ({ from, to }: SyntaxNode, expression: string): string => expression.slice(from, to);
