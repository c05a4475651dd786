"""How the report looks: neutral greys, so that the pictures' own colours are judged right; red and amber are for
problems alone."""

STYLE = """
:root { color-scheme: dark; --ink: #d8d8d8; --faint: #8f8f8f; --line: #3a3a3a; --paper: #262626; --ground: #1b1b1b;
  --edited: #5fd68a; --other: #6fb1e0; --bad: #e0675c; --poor: #d9a441; --cut: #d46ab5; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 32px 64px; max-width: 1248px; background: var(--ground); color: var(--ink);
  font: 14px/1.5 system-ui, "Segoe UI", "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
h1 { margin: 0 0 4px; font-size: 24px; font-weight: 600; overflow-wrap: anywhere; }
h2 { margin: 36px 0 12px; font-size: 16px; font-weight: 600; }
h3 { margin: 0; font-size: 16px; font-weight: 600; }
p { margin: 0; }
a { color: inherit; text-decoration: none; }
a:hover { text-decoration: underline; }
.path, .note { color: var(--faint); overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); gap: 12px 32px; margin: 20px 0 24px; }
.warning { margin-bottom: 16px; padding-left: 10px; border-left: 3px solid var(--poor); }
dt { color: var(--faint); font-size: 12px; }
dd { margin: 0; }
.card { margin: 0 0 20px; padding: 18px 20px 12px; background: var(--paper); border-radius: 6px; }
.card header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 4px 18px; margin-bottom: 12px; }
.badge { padding: 1px 9px; border-radius: 9px; font-size: 12px; font-weight: 600; color: #1b1b1b;
  background: var(--other); }
.badge.edited { background: var(--edited); }
.thumbnails { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 6px;
  margin-bottom: 14px; }
.thumbnails img { width: 100%; border-radius: 3px; }
.problems { margin: 0; padding: 0; list-style: none; }
.problems li { display: grid; grid-template-columns: 16px 168px 84px 1fr; align-items: baseline; padding: 4px 0;
  border-bottom: 1px solid var(--line); }
.problems li::before { content: ""; width: 8px; height: 8px; border-radius: 4px; background: var(--faint); }
.problems .bad::before { background: var(--bad); }
.problems .poor::before { background: var(--poor); }
.problems .who { color: var(--faint); }
details { margin: 10px 0; }
summary { cursor: pointer; color: var(--faint); }
table { border-collapse: collapse; margin-top: 8px; }
th, td { padding: 3px 24px 3px 0; text-align: right; font-weight: 400; }
th { color: var(--faint); font-size: 12px; }
svg { display: block; width: 100%; height: auto; font-size: 12px; }
svg text { fill: var(--ink); }
svg .scale, svg .number, svg .remark { fill: var(--faint); font-size: 11px; }
svg .scale { text-anchor: end; }
svg .number, svg .inside { text-anchor: middle; }
svg .tick { stroke: var(--faint); }
svg .paper { fill: #1f1f1f; }
svg .curve { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-linejoin: round; }
svg .point { fill: var(--ink); }
svg .limit { stroke: var(--poor); stroke-dasharray: 3 5; opacity: .7; }
svg .gap { fill: var(--poor); opacity: .3; }
svg .cut { stroke: var(--cut); stroke-width: 1.5; }
svg .hover { fill: transparent; }
svg .hover:hover { fill: #fff; opacity: .18; }
svg .shot { fill: #474747; }
svg .shot.odd { fill: #383838; }
svg .edited { fill: var(--edited); }
svg .other { fill: var(--other); }
svg .faceless { fill: var(--bad); }
svg .missed { fill: var(--poor); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0 14px; color: var(--faint); font-size: 12px; }
.legend span::before { content: ""; display: inline-block; width: 14px; height: 8px; margin-right: 6px;
  background: var(--swatch); }
.legend em { font-style: normal; }
@media print { body { max-width: none; padding: 0; } .card { break-inside: avoid; } }
"""
