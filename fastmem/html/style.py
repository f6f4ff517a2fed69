"""The style of a page: light and dark, for phones, screens and paper."""

__all__ = ["STYLE"]

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f8; --panel: #ffffff; --ink: #1b2126; --soft: #56616b;
  --line: #d9dee3; --accent: #0072b2; --mark: #56b4e9; --band: #8fa3b3; --shade: #eef2f5; --wash: 0.5;
  --k0: #0072b2; --k1: #e69f00; --k2: #009e73; --k3: #cc79a7; --k4: #56b4e9; --k5: #d55e00; --k6: #d9cc20;
  --k7: #8a8a8a; --k8: #2b3137; }
@media (prefers-color-scheme: dark) { :root { --ground: #12171b; --panel: #1a2127; --ink: #e7ecf0; --soft: #a3b0bb;
  --line: #35414b; --accent: #6cc0f0; --mark: #4aa3d8; --band: #7b8d9b; --shade: #222b32; --wash: 0.42;
  --k0: #2b8fcb; --k6: #f0e442; --k7: #9c9c9c; --k8: #dde3e8; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0 auto; max-width: 72rem; padding: 0 1.25rem 3rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: break-word; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 0.5rem; padding: 0.4rem 0.8rem; background: var(--panel); z-index: 2; }
header { padding: 2.5rem 0 0.5rem; }
header .kind { margin: 0; color: var(--soft); font-size: 0.9rem; }
h1 { margin: 0.2rem 0 0.6rem; font-size: clamp(1.5rem, 1.1rem + 2vw, 2.3rem); line-height: 1.2; text-wrap: balance; }
h2 { margin: 0 0 0.6rem; font-size: 1.25rem; line-height: 1.3; }
h3 { margin: 1.4rem 0 0.4rem; font-size: 1rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
header .lead { font-size: 1.1rem; }
.note { color: var(--soft); font-size: 0.92rem; }
.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 1px; margin: 1.5rem 0 1.25rem;
  padding: 0; background: var(--line); border: 1px solid var(--line); border-radius: 0.6rem; overflow: hidden; }
.tiles div { display: flex; flex-direction: column-reverse; justify-content: flex-end; padding: 0.9rem 1rem;
  background: var(--panel); }
.tiles dt { color: var(--soft); font-size: 0.88rem; line-height: 1.35; }
.tiles dd { margin: 0; font-size: 1.6rem; font-weight: 650; line-height: 1.25; letter-spacing: -0.01em;
  font-variant-numeric: tabular-nums; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; margin: 0 0 1rem; padding: 0; list-style: none;
  font-size: 0.95rem; }
nav a { display: inline-block; padding: 0.15rem 0; }
section { margin: 1rem 0; padding: 1.3rem 1.4rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: 0.6rem; scroll-margin-top: 0.5rem; }
.chart { display: block; margin: 0.9rem 0 0.4rem; overflow: visible; }
.chart text { fill: var(--soft); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.chart text.strong { fill: var(--ink); font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; }
.median { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 5 4; pointer-events: none; }
.bar { fill: var(--mark); }
.axis { margin: 0 0 0.6rem; max-width: none; text-align: center; }
.k0 { --own: var(--k0); } .k1 { --own: var(--k1); } .k2 { --own: var(--k2); } .k3 { --own: var(--k3); }
.k4 { --own: var(--k4); } .k5 { --own: var(--k5); } .k6 { --own: var(--k6); } .k7 { --own: var(--k7); }
.k8 { --own: var(--k8); }
rect.k0, rect.k1, rect.k2, rect.k3, rect.k4, rect.k5, rect.k6, rect.k7, rect.k8 { fill: var(--own); }
.band { fill: var(--band); opacity: 0.28; }
.mark:hover, .mark:focus { outline: none; stroke: var(--ink); stroke-width: 2.5; }
.band:hover, .band:focus { opacity: 0.6; stroke-width: 0; }
.swatch { display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.5em; border-radius: 2px;
  background: var(--own); border: 1px solid rgba(128, 128, 128, 0.5); vertical-align: baseline; }
.scrolls { overflow-x: auto; margin: 0.8rem 0 0; background: linear-gradient(to right, var(--panel) 40%, transparent),
  linear-gradient(to left, var(--panel) 40%, transparent) right, linear-gradient(to right, var(--line), transparent),
  linear-gradient(to left, var(--line), transparent) right; background-size: 2.4rem 100%, 2.4rem 100%, 0.7rem 100%,
  0.7rem 100%; background-repeat: no-repeat; background-attachment: local, local, scroll, scroll; }
table { width: 100%; border-collapse: collapse; font-size: 0.92rem; line-height: 1.4; }
caption { padding: 0 0 0.35rem; text-align: left; color: var(--soft); }
th, td { padding: 0.36rem 0.9rem 0.36rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th:last-child, td:last-child { padding-right: 0.2rem; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; line-height: 1.25; }
thead th.number { white-space: normal; }
tbody th { font-weight: 550; }
tbody tr:hover { background: var(--shade); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.sortable tbody th { min-width: 5.5rem; }
.sortable td:not(.number) { min-width: 8rem; }
.named { display: flex; align-items: baseline; } .named .swatch { flex: none; }
.source { min-width: 16rem; color: var(--soft); font-size: 0.88rem; }
details { margin: 0.8rem 0 0; }
summary { cursor: pointer; color: var(--accent); }
.notes dt { margin-top: 0.6rem; font-weight: 600; font-size: 0.92rem; }
.notes dd { margin: 0; max-width: 46rem; color: var(--soft); font-size: 0.9rem; }
code { font: 0.92em ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
  overflow-wrap: anywhere; }
th button { padding: 0.1rem 0; border: 0; background: none; color: inherit; font: inherit; text-align: inherit;
  cursor: pointer; }
th button::after { content: "\\a0\\2195"; opacity: 0.55; }
th[aria-sort="ascending"] button::after { content: "\\a0\\2191"; opacity: 1; }
th[aria-sort="descending"] button::after { content: "\\a0\\2193"; opacity: 1; }
th button:hover { color: var(--ink); }
.scale { display: block; width: 9rem; height: 1.2rem; overflow: visible; }
.scale line { stroke: var(--line); stroke-width: 2; } .scale line.built { stroke: var(--ink); stroke-width: 2; }
.scale circle { fill: var(--mark); stroke: var(--ink); stroke-width: 1; }
.scale .bar { fill: var(--mark); }
.pair { display: grid; gap: 0 2rem; }
@media (min-width: 64rem) { .pair { grid-template-columns: minmax(0, 42rem) minmax(0, 1fr); }
  .pair > :first-child { order: 2; } .pair .plane { margin-top: 0.4rem; } }
.plane { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.2rem 0.5rem; max-width: 44rem;
  margin: 0.9rem 0; font-size: 0.82rem; color: var(--soft); font-variant-numeric: tabular-nums; }
.plane .up { display: flex; flex-direction: column; justify-content: space-between; text-align: right;
  max-width: 5rem; }
.plane .across { grid-column: 2; display: flex; justify-content: space-between; gap: 0.5rem; }
.plane svg { display: block; width: 100%; height: auto; border: 1px solid var(--line); background: var(--panel); }
.plane image { opacity: var(--wash); image-rendering: pixelated; }
.plane .lines { fill: none; stroke: var(--ink); vector-effect: non-scaling-stroke; pointer-events: none; }
.plane use[class*=" k"] { fill: var(--own); }
.plane use { stroke: var(--ink); stroke-width: 1.2; }
.plane use.mark:hover, .plane use.mark:focus { stroke-width: 4; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1.1rem; margin: 0.6rem 0; padding: 0; list-style: none;
  font-size: 0.92rem; }
.legend svg { width: 1em; height: 1em; margin-right: 0.4em; vertical-align: -0.1em; overflow: visible; }
.legend use { fill: var(--own); stroke: var(--ink); stroke-width: 1.2; }
#said { position: absolute; z-index: 3; max-width: min(22rem, 90vw); padding: 0.4rem 0.65rem; border-radius: 0.4rem;
  background: var(--ink); color: var(--ground); font-size: 0.88rem; line-height: 1.35; pointer-events: none;
  white-space: pre-line; }
#said[hidden] { display: none; }
footer { color: var(--soft); font-size: 0.88rem; }
@media (max-width: 46rem) {
  body { padding: 0 0.75rem 2rem; }
  header { padding-top: 1.4rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); margin: 1rem 0; }
  .tiles div { padding: 0.7rem 0.75rem; } .tiles dd { font-size: 1.3rem; }
  section { padding: 1rem 0.85rem; }
  .chart .roomy { display: none; }
  .chart text { font-size: 11.5px; }
  .scale { width: 6rem; }
}
@media print {
  :root { --ground: #ffffff; --panel: #ffffff; --ink: #000000; --soft: #333333; --line: #bbbbbb; --shade: #ffffff;
    --wash: 0.5; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, .skip, #said { display: none; }
  thead { display: table-row-group; }
  th button::after { content: none !important; }
  section { break-inside: avoid-page; border: 0; padding: 0.5rem 0; }
  #numbers, #beside { break-inside: auto; }
  .scrolls { overflow: visible; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
