/** The style sheet of the report: for wide and narrow windows, light and dark. */
import { COLOURS } from './chart.ts'

function variables({ card, edge, text, ours, met, missed }: typeof COLOURS.light): string {
  return `--page:${card};--edge:${edge};--text:${text};--accent:${ours};--met:${met};--missed:${missed}`
}

export const STYLE = `
:root{${variables(COLOURS.light)}}
@media(prefers-color-scheme:dark){:root{${variables(COLOURS.dark)}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1440px;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{min-width:0;padding:16px;overflow-wrap:break-word}
nav ul{list-style:none;margin:0;padding:0}
nav a{display:block;padding:3px 0;color:var(--text);text-decoration:none}
nav a:hover,nav a:focus-visible{color:var(--accent);text-decoration:underline}
h1{margin-top:0}
h2{margin-top:2.5em;border-bottom:1px solid var(--edge)}
h3{margin-top:2em}
h2,h3{scroll-margin-top:16px}
:target{color:var(--accent)}
a{color:var(--accent)}
code{font-size:.9em;overflow-wrap:anywhere}
svg.chart{display:block;width:100%;height:auto;margin:12px 0}
p,li{max-width:45em}
p:has(svg){max-width:none}
table{width:100%;border-collapse:collapse;font-size:.85em;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;border-bottom:1px solid var(--edge);text-align:left;vertical-align:top}
.number{text-align:right}
.interval{white-space:nowrap}
.repeated{display:none}
.met,.missed{white-space:nowrap;font-weight:600}
.met{color:var(--met)}
.missed{color:var(--missed)}
.miss .title{box-shadow:inset 3px 0 var(--missed)}
@media(min-width:1100px){
body{display:grid;grid-template-columns:240px minmax(0,1fr);gap:24px}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;padding:16px 0 16px 16px;font-size:.85em;line-height:1.35}
nav>ul>li>a{margin-top:8px;font-weight:600}
nav li li a{padding-left:12px;border-left:1px solid var(--edge)}
}
@media(max-width:1099px){
nav{position:sticky;top:0;z-index:1;background:var(--page);border-bottom:1px solid var(--edge);overflow-x:auto}
nav>ul{display:flex;gap:16px;padding:8px 16px;font-size:.9em;white-space:nowrap}
nav ul ul{display:none}
h2,h3{scroll-margin-top:64px}
}
@media(min-width:640px){.narrow{display:none}}
@media(max-width:639px){.wide{display:none}}
@media(max-width:819px){
thead{display:none}
table,tbody,tr,td{display:block}
table{max-width:40em}
tr{padding:8px 0;border-bottom:1px solid var(--edge)}
.miss{box-shadow:inset 3px 0 var(--missed)}
.miss .title{box-shadow:none}
td,td.number{display:flex;justify-content:space-between;gap:16px;border:0;padding:1px 8px;text-align:right;overflow-wrap:anywhere}
td::before{content:attr(data-label);flex:none;max-width:50%;text-align:left;opacity:.75}
td.title{display:block;text-align:left;font-weight:600}
td.title::before{content:none}
.repeated{display:inline}
td:empty{display:none}
}
`
