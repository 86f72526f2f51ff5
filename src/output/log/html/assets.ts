/** The page's style and its one script. The script's hash stands in the page: the browser runs this text and no other. */

export const STYLE = `
:root{color-scheme:light dark;--fg:#1c2128;--bg:#fff;--dim:#59636e;--line:#d1d9e0;--card:#f6f8fa;--bad:#b42318;--warn:#8a5a00;--accent:#0b63c5;
--v0:#7aa7d9;--v1:#b9c6d3;--v2:#2f8f5b;--v3:#c0392b;--v4:#8e6bbf;--o0:#7aa7d9;--o1:#d98a1f;--o2:#c0392b}
@media (prefers-color-scheme:dark){:root{--fg:#e6edf3;--bg:#0d1117;--dim:#9198a1;--line:#30363d;--card:#161b22;--bad:#ff8a80;--warn:#e3b341;--accent:#79b8ff;
--v0:#4d7fb8;--v1:#56616d;--v2:#3fa76d;--v3:#e0574a;--v4:#a487d6;--o0:#4d7fb8;--o1:#e0a040;--o2:#e0574a}}
*{box-sizing:border-box}body{margin:0 auto;max-width:76rem;padding:1.5rem;font:15px/1.5 system-ui,sans-serif;color:var(--fg);background:var(--bg)}
h1{font-size:1.6rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line);padding-bottom:.25rem}
p{margin:.4rem 0}.dim{color:var(--dim)}a{color:var(--accent)}
.cards{display:flex;flex-wrap:wrap;gap:.75rem;margin:1rem 0}.card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.5rem .9rem;min-width:7rem}
.card b{display:block;font-size:1.35rem}.card.bad b{color:var(--bad)}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
th{color:var(--dim);font-weight:600;white-space:nowrap}td{overflow-wrap:break-word}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}td.t,td.s{white-space:nowrap}
svg{width:100%;height:110px;display:block;background:var(--card);border:1px solid var(--line);border-radius:4px}.hit{fill:transparent}g:hover .hit{fill:var(--line)}
.v0{fill:var(--v0);background:var(--v0)}.v1{fill:var(--v1);background:var(--v1)}.v2{fill:var(--v2);background:var(--v2)}.v3{fill:var(--v3);background:var(--v3)}.v4{fill:var(--v4);background:var(--v4)}
.o0{fill:var(--o0);background:var(--o0)}.o1{fill:var(--o1);background:var(--o1)}.o2{fill:var(--o2);background:var(--o2)}
.legend span{margin-right:1rem}.legend i{display:inline-block;width:.8rem;height:.8rem;border-radius:2px;margin-right:.35rem;vertical-align:-1px}
.axis{display:flex;justify-content:space-between;color:var(--dim);font-size:.85rem}
section{scroll-margin-top:4rem}.warn{color:var(--warn)}nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem}
#filter{position:sticky;top:0;background:var(--bg);padding:.5rem 0;z-index:1}#filter input{width:100%;padding:.45rem .7rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:6px}
[hidden]{display:none!important}
@media print{#filter,nav{display:none}body{max-width:none;padding:0;font-size:11px}h2{break-after:avoid}tr,svg,.card{break-inside:avoid}.scroll{overflow:visible}}
`;

export const SCRIPT = `
(function(){
var bar=document.createElement('div');bar.id='filter';
var box=document.createElement('input');box.type='search';box.placeholder='Show only rows with …';box.setAttribute('aria-label','Show only rows with this text');
bar.appendChild(box);var nav=document.querySelector('nav');nav.parentNode.insertBefore(bar,nav.nextSibling);
var rows=Array.prototype.slice.call(document.querySelectorAll('tbody tr'));
var texts=rows.map(function(row){return row.textContent.toLowerCase()});
box.addEventListener('input',function(){
var words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);
rows.forEach(function(row,at){row.hidden=!words.every(function(word){return texts[at].indexOf(word)!==-1})});
});
})();
`;

/** SHA-256 of the script, in base64: kept true by a test. */
export const SCRIPT_HASH = 'cTiRPmb8a10axRxTMJiwDpckUAJjFXOwpRFLAYEWDLE=';
