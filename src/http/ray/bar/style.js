// The bar inherits the page's colours, so it follows Ray's theme.
const STYLE = `
:host { background: inherit; bottom: 0; color: inherit; display: block; font: 13px/20px Roboto, system-ui, sans-serif; left: 0; position: fixed; right: 0; z-index: 1200; }
:host { --line: color-mix(in srgb, currentColor 22%, transparent); --warn: #b45309; --bad: #d32f2f; --good: #2e7d32; }
:host([data-dark]) { --warn: #ffb454; --bad: #ff7b72; --good: #7bd88f; }
section { border-top: 1px solid var(--line); }
.line { align-items: center; display: flex; gap: 4px 16px; min-height: 32px; padding: 0 16px; }
.line > * { white-space: nowrap; }
.who { flex: 0 1 auto; min-width: 0; overflow: hidden; text-overflow: ellipsis; }
.who span { opacity: .75; }
.why { flex: 0 1 auto; min-width: 6em; overflow: hidden; text-overflow: ellipsis; }
.why[data-outcome=Failed] { color: var(--bad); }
.grow { flex: 1; }
.state { align-items: center; display: flex; font-weight: 500; gap: 6px; }
.state::before { background: currentColor; border-radius: 50%; content: ""; height: 8px; opacity: .6; width: 8px; }
.state[data-state=live]::before { background: var(--good); opacity: 1; }
button, a { color: inherit; cursor: pointer; font: inherit; }
button { background: none; border: 1px solid var(--line); border-radius: 4px; padding: 1px 8px; }
button:focus-visible, a:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; }
.warn { border-color: var(--warn); color: var(--warn); }
button.bad { border-color: var(--bad); color: var(--bad); }
.line > .bad { color: var(--bad); flex: 0 1 auto; white-space: normal; }
.cut { color: var(--warn); }
.quiet { opacity: .75; }
progress { accent-color: #036dcf; height: 8px; min-width: 60px; width: 180px; }
.details { border-top: 1px solid var(--line); max-height: 45vh; overflow: auto; padding: 8px 16px 12px; }
.details p { margin: 4px 0; }
ul { margin: 4px 0; padding-left: 20px; }
li { overflow-wrap: anywhere; }
li li { font-size: 12px; opacity: .8; }
dl { display: grid; gap: 2px 12px; grid-template-columns: max-content 1fr; margin: 6px 0; }
dt { opacity: .75; } dd { margin: 0; overflow-wrap: anywhere; }
[hidden] { display: none !important; }
@media (max-width: 900px) { .session { display: none; } }
@media (max-width: 640px) { .line { flex-wrap: wrap; padding: 4px 12px; } .why { max-width: 100%; } .grow, .asof { display: none; } }
@media print { :host { position: static; } }
`;
