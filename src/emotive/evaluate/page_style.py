"""The look of a report: its style sheet, in the house's paper and ink."""

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #33312c; --quiet: #6f6c64; --rule: #dcd8cd;
  --dot: #c2502e; --good: #3d7a4f; }
@media (prefers-color-scheme: dark) { :root { --paper: #1a1917; --ink: #ebe8e1; --quiet: #a8a49a;
  --rule: #3c3a34; --dot: #f08a62; --good: #8cc79b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: clamp(2rem, 5vw, 4.5rem) clamp(1.2rem, 5vw, 4rem);
  background: var(--paper); color: var(--ink); overflow-wrap: break-word;
  font: 1rem/1.5 ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { margin: 0 0 .7rem; max-width: 44rem; font-weight: 500; line-height: 1.2; letter-spacing: -.015em;
  font-size: clamp(1.5rem, 1.2rem + 1.5vw, 2.2rem); text-wrap: balance; }
h2 { margin: 0; font-weight: 500; font-size: 1.25rem; }
h3 { margin: 1.8rem 0 .6rem; font-weight: 500; font-size: 1rem; }
section { margin-top: clamp(3rem, 7vw, 5rem); }
.lede { margin: 0; max-width: 42rem; color: var(--quiet); font-size: 1.1rem; text-wrap: pretty; }
.note, figcaption, small, dd, li, summary, footer { color: var(--quiet); }
.note { margin: .2rem 0 1.2rem; font-size: .9rem; }
.sheets { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 15rem), 1fr)); }
figure { margin: 0; }
figcaption { padding: .5rem .1rem 0; font-size: .875rem; }
img { display: block; width: 100%; height: auto; border-radius: 8px; }
.arm { margin: 1rem 0 .4rem; color: var(--quiet); font-size: .9rem; }
.clips { display: grid; gap: .6rem 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); }
audio { display: block; width: 100%; height: 2.4rem; }
.wide { overflow-x: auto; margin-top: 1.4rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .5rem .9rem .5rem 0; border-top: 1px solid var(--rule); text-align: right;
  vertical-align: baseline; white-space: nowrap; }
th { font-weight: 400; }
thead th { border: 0; color: var(--quiet); font-size: .825rem; }
tr > :first-child { width: 100%; text-align: left; white-space: normal; min-width: 13rem; }
tr > :last-child { padding-right: 0; }
thead th:first-child { color: var(--ink); font-size: 1rem; font-weight: 500; }
th small { display: block; font-size: .8rem; line-height: 1.35; }
td b { font-weight: 600; }
th.sub { padding-left: 1.4rem; color: var(--quiet); border-color: transparent; }
th.sub + td { border-color: transparent; color: var(--quiet); }
.met { color: var(--good); } .missed { color: var(--dot); font-weight: 600; } .not { color: var(--quiet); }
.plots { display: grid; gap: .4rem 1rem; grid-template-columns: repeat(4, minmax(0, 1fr)); }
.plots.heads { margin-bottom: -1.2rem; color: var(--quiet); font-size: .85rem; text-align: center; }
.scatter { display: block; width: 100%; height: auto; }
.scatter rect { fill: none; stroke: var(--rule); }
.scatter path { fill: none; stroke: var(--rule); }
.scatter .same { stroke: var(--quiet); stroke-dasharray: 3 4; }
.scatter .dots { stroke: var(--dot); stroke-width: 3.4; stroke-linecap: round; stroke-opacity: .38; }
.scatter .fit { stroke: var(--ink); stroke-width: 1.6; }
.scatter text { fill: var(--quiet); font-size: 9px; }
dl { display: grid; gap: .6rem 1.6rem; margin: 1.2rem 0 0; max-width: 56rem;
  grid-template-columns: minmax(7rem, max-content) 1fr; }
dt { color: var(--ink); } dd { margin: 0; text-wrap: pretty; }
ul { max-width: 50rem; padding-left: 1.1rem; } li { margin: .5rem 0; text-wrap: pretty; }
code { font: .9em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
details { margin-top: 1.2rem; } ol { columns: 2 18rem; }
footer { margin-top: 5rem; font-size: .8rem; }
@media (max-width: 40rem) { .plots { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .plots.heads { display: none; }
  dl { grid-template-columns: 1fr; gap: .1rem; } dd { margin-bottom: .8rem; } }
@media print { body { padding: 0; } section { break-inside: avoid-page; } }
"""
