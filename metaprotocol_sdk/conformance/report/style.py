"""How the HTML page looks: light or dark as its reader's system is, on a telephone and on paper."""

from __future__ import annotations

CSS = """\
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --ink: #1d2430; --soft: #5b6675; --line: #dfe3e9; --code: #f3f5f8;
  --good: #1a7f4b; --bad: #c62b38; --warn: #9a6200; --idle: #9aa4b2;
  --f0: #0b7285; --f1: #8f5b00; --f2: #2b7a1f; --f3: #9c36b5; --f4: #2255cc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1319; --card: #171d26; --ink: #e3e8ef; --soft: #96a2b3; --line: #2a323e; --code: #0c1016;
    --good: #46c987; --bad: #ff6b76; --warn: #e8ad4a; --idle: #5d6878;
    --f0: #4fc3d9; --f1: #e0b050; --f2: #79cc6b; --f3: #d690ea; --f4: #84a9ff;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 system-ui, sans-serif; }
main { max-width: 64rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -.02em; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; font-size: 1.15rem; }
h3 { margin: 0; font: 600 1.02rem ui-monospace, monospace; overflow-wrap: anywhere; }
code, pre { font: 13px/1.6 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
a { color: inherit; }
.head { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: baseline; }
.verdict { padding: .15rem .75rem; border-radius: 99px; font-weight: 600; color: var(--card); background: var(--good); }
.verdict.bad { background: var(--bad); }
.about, .law, footer { color: var(--soft); }
.about { margin: .35rem 0 1.5rem; overflow-wrap: anywhere; }
.bar { display: flex; gap: 3px; height: 10px; }
.bar i { border-radius: 3px; min-width: 6px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; margin: .6rem 0 0; padding: 0; list-style: none; }
.legend b { font-variant-numeric: tabular-nums; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; margin: 0 0 1rem;
  padding: 1.1rem 1.25rem; border-left: 4px solid var(--edge); }
.card p { margin: .5rem 0; }
.card > header { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
.tag { font-size: .78rem; font-weight: 600; letter-spacing: .03em; color: var(--edge); white-space: nowrap; }
.what { font-weight: 600; overflow-wrap: anywhere; }
.mistake::before { content: "Likely mistake: "; font-weight: 600; }
figure { margin: .9rem 0; }
figcaption { color: var(--soft); margin-bottom: .3rem; }
pre { margin: 0; padding: .8rem 1rem; background: var(--code); border: 1px solid var(--line); border-radius: 8px;
  overflow-x: auto; tab-size: 8; }
pre .f0 { color: var(--f0); } pre .f1 { color: var(--f1); } pre .f2 { color: var(--f2); }
pre .f3 { color: var(--f3); } pre .f4 { color: var(--f4); } pre .dim { color: var(--soft); }
pre .bad { color: var(--bad); } pre .mark { background: var(--bad); color: var(--card); font-weight: 700;
  border-radius: 2px; box-shadow: 0 0 0 2px var(--bad); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: .6rem 0; }
dt { color: var(--soft); } dd { margin: 0; font: 13px/1.6 ui-monospace, monospace; overflow-wrap: anywhere; }
.run { display: flex; gap: .6rem; align-items: start; }
.run pre { flex: 1; white-space: pre-wrap; overflow-wrap: anywhere; }
.run button { font: inherit; padding: .45rem .8rem; border: 1px solid var(--line); border-radius: 8px; cursor: pointer;
  background: var(--card); color: var(--ink); }
.run button:hover { border-color: var(--soft); }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .55rem .9rem; border-top: 1px solid var(--line); }
thead th { border: 0; font-size: .8rem; font-weight: 600; color: var(--soft); white-space: nowrap; }
td.n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td code { font-weight: 600; }
.mark { color: var(--edge); font-weight: 700; }
.state { color: var(--edge); white-space: nowrap; }
.law { display: block; font-size: .88rem; }
.good { --edge: var(--good); } .bad { --edge: var(--bad); }
.warn { --edge: var(--warn); } .idle { --edge: var(--soft); }
.bar .good { background: var(--good); } .bar .bad { background: var(--bad); } .bar .warn { background: var(--warn); }
.bar .idle { background: var(--idle); }
footer { margin-top: 2.5rem; font-size: .88rem; }
@media (max-width: 40rem) {
  th, td { padding: .5rem .6rem; }
  .run { flex-direction: column; align-items: stretch; }
}
@media print { .run button { display: none; } body { background: none; } .card { break-inside: avoid; } }
"""

JS = """\
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
"""
