const WIDTH = 760;
const HEIGHT = 400;
const PLOT = { left: 64, right: WIDTH - 24, top: 56, bottom: HEIGHT - 64 };
const GRID = [0, 0.2, 0.4, 0.6, 0.8, 1];

/** What is drawn, in the order of the legend; told apart by shape and dashes as well as by colour. */
const LINES = [
  { key: 'put', label: 'raw PUT', marker: (x, y) => `<circle class="mark" cx="${x}" cy="${y}" r="4"/>` },
  {
    key: 'form',
    label: 'form',
    marker: (x, y) => `<rect class="mark" x="${x - 4}" y="${y - 4}" width="8" height="8"/>`,
  },
];

/** On a ground of its own, so that it can be read wherever the page that shows it is light or dark. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .ground { fill: #ffffff; }
  .grid { stroke: #d1d9e0; }
  .axis { stroke: #59636e; }
  .line { fill: none; stroke-width: 2.5; stroke: currentColor; }
  .mark { fill: currentColor; }
  .put { color: #0969da; }
  .form { color: #bc4c00; }
  .form .line { stroke-dasharray: 7 4; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .ground { fill: #0d1117; }
    .grid { stroke: #3d444d; }
    .axis { stroke: #9198a1; }
    .put { color: #58a6ff; }
    .form { color: #f0883e; }
  }
`;

/** Draws the ratio of our throughput to the bare pipe's over the size of the file, on a logarithmic axis, as SVG. */
export function drawCurve(rows) {
  const [smallest, largest] = [rows[0], rows.at(-1)].map(({ size }) => Math.log2(size));
  const x = ({ size }) =>
    place((Math.log2(size) - smallest) / (largest - smallest), [PLOT.left + 24, PLOT.right - 24]);
  const title = 'Throughput beside the bare pipe';
  const parts = [
    `<rect class="ground" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    text(PLOT.left, 28, title, 'class="title"'),
    ...GRID.map(horizontal),
    ...rows.map((row) => sizeTick(x(row), row.name)),
    text((PLOT.left + PLOT.right) / 2, HEIGHT - 16, 'size of the file', 'text-anchor="middle"'),
    `<g transform="translate(20 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)">${text(0, 0, 'ratio to the bare pipe', 'text-anchor="middle"')}</g>`,
    ...LINES.map((line, index) => lineOf(line, rows, { x, index })),
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>${STYLE}</style>
${parts.join('\n')}
</svg>
`;
}

const place = (part, [from, to]) => Number((from + part * (to - from)).toFixed(1));

/** Ratios above one are drawn at the upper edge: what is faster than the bare pipe is noise. */
const y = (ratio) => place(Math.min(ratio, 1), [PLOT.bottom, PLOT.top]);

const text = (x, yAt, words, attributes) => `<text x="${x}" y="${yAt}" ${attributes}>${words}</text>`;

function horizontal(ratio) {
  const at = y(ratio);
  const line = `<line class="${ratio === 0 ? 'axis' : 'grid'}" x1="${PLOT.left}" x2="${PLOT.right}" y1="${at}" y2="${at}"/>`;
  return line + text(PLOT.left - 10, at + 4, ratio.toFixed(1), 'text-anchor="end"');
}

function sizeTick(x, name) {
  const line = `<line class="axis" x1="${x}" x2="${x}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 5}"/>`;
  return line + text(x, PLOT.bottom + 22, name, 'text-anchor="middle"');
}

function lineOf({ key, label, marker }, rows, { x, index }) {
  const points = rows.map((row) => [x(row), y(row.ratios[key])]);
  const legendX = PLOT.right - 220 + index * 130;
  return `<g class="${key}">
<polyline class="line" points="${points.map((point) => point.join(',')).join(' ')}"/>
${points.map(([px, py]) => marker(px, py)).join('')}
<line class="line" x1="${legendX}" x2="${legendX + 36}" y1="24" y2="24"/>${marker(legendX + 18, 24)}
${text(legendX + 44, 28, label, '')}
</g>`;
}
