/**
 * Makes what is in `live` the same as `wanted`, and keeps the nodes that are alike: focus, selection and what somebody is
 * typing stay. An element with a `data-key` is the same only as one with the same key, so that a button in a list never
 * comes to mean another row.
 */
export function morph(live: Element, wanted: readonly Node[]): void {
  const focused = document.activeElement;
  matchChildren(live, wanted);
  if (focused instanceof HTMLElement && focused.isConnected && focused !== document.activeElement)
    focused.focus({ preventScroll: true });
}

function matchChildren(live: Element, wanted: readonly Node[]): void {
  const keys = new Set(wanted.map(keyOf));
  const keyed = new Map<string, Node>();
  for (const child of live.childNodes) {
    const key = keyOf(child);
    if (key === undefined) continue;
    // Taken out first, so that those behind need not move: an element that moves loses the focus.
    if (keys.has(key)) keyed.set(key, child);
    else child.remove();
  }
  let next = live.firstChild;
  for (const child of wanted) {
    const key = keyOf(child);
    const kept = key === undefined ? alike(next, child) : keyed.get(key);
    if (!kept) live.insertBefore(child, next);
    else {
      if (kept === next) next = next.nextSibling;
      else live.insertBefore(kept, next);
      match(kept, child);
    }
  }
  while (next) {
    const after = next.nextSibling;
    next.remove();
    next = after;
  }
}

function match(live: Node, wanted: Node): void {
  if (live instanceof Element && wanted instanceof Element) {
    matchAttributes(live, wanted);
    matchChildren(live, [...wanted.childNodes]);
  } else if (live.nodeValue !== wanted.nodeValue) live.nodeValue = wanted.nodeValue;
}

function matchAttributes(live: Element, wanted: Element): void {
  for (const name of live.getAttributeNames()) if (!wanted.hasAttribute(name)) live.removeAttribute(name);
  for (const name of wanted.getAttributeNames()) {
    const value = wanted.getAttribute(name) ?? '';
    if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
}

function alike(live: ChildNode | null, wanted: Node): ChildNode | undefined {
  return live && live.nodeName === wanted.nodeName && keyOf(live) === undefined ? live : undefined;
}

function keyOf(node: Node): string | undefined {
  return node instanceof Element ? (node.getAttribute('data-key') ?? undefined) : undefined;
}
