/** How the report looks: two colour schemes, no font that is not there already. */
export const STYLE = `
:root{--page:#fcfcfb;--ink:#1a1a19;--quiet:#6b6b68;--edge:#e3e2de;--box:#f4f3f0;--train:#2a6fdb;--valid:#c4570b;--mark:#fdeec2;--right:#e2f3e4}
@media (prefers-color-scheme:dark){:root{--page:#171716;--ink:#ecebe8;--quiet:#a09f9a;--edge:#34332f;--box:#22211f;--train:#75a7ff;--valid:#f09a52;--mark:#4d4116;--right:#1d3b24}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1040px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:26px;margin:0;overflow-wrap:anywhere}h2{font-size:18px;margin:36px 0 10px}
.quiet,small,figcaption,th{color:var(--quiet)}
.tiles{display:flex;flex-wrap:wrap;gap:10px}
.tile{flex:1 1 150px;border:1px solid var(--edge);border-radius:8px;padding:10px 14px;display:grid}
.tile span{color:var(--quiet);font-size:13px}.tile b{font-size:24px;font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px}
figure{margin:0}figcaption{font-size:13px;margin-bottom:4px;overflow-wrap:anywhere}
svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:var(--quiet);font-variant-numeric:tabular-nums}
.rule{stroke:var(--edge)}.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.train{stroke:var(--train)}.line.valid{stroke:var(--valid)}.band{opacity:.18}
.band.train,.dot.train{fill:var(--train)}.band.valid,.dot.valid{fill:var(--valid)}
.key{margin-left:10px;color:var(--ink);white-space:nowrap}
.key::before{content:"";display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:5px;vertical-align:middle}
.key.train::before{background:var(--train)}.key.valid::before{background:var(--valid)}
table{border-collapse:collapse}th,td{text-align:left;vertical-align:top;padding:4px 14px 4px 0;font-weight:400;white-space:pre-wrap;overflow-wrap:anywhere}
tr+tr>*,tbody tr>*{border-top:1px solid var(--edge)}
th:first-child{white-space:nowrap}
.wide{overflow-x:auto}.samples{width:100%;table-layout:fixed;min-width:560px}.samples td{padding:6px 10px 6px 0}
pre{margin:0;font:13px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;max-height:24em;overflow-y:auto}
main>pre{background:var(--box);border-radius:8px;padding:12px 14px}
.samples td.right pre{background:var(--right)}details{margin-top:10px}summary{color:var(--quiet);cursor:pointer}
.samples td pre{max-height:9em;border-radius:4px;padding:2px 4px}
mark{background:var(--mark);color:inherit}
`;
