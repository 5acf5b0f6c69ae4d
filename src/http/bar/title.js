// Many tabs show the same page of many sessions: a tab is named by its cluster first.
function nameTab() {
  const name = `${given.cluster || given.session} \u00b7 `;
  if (!document.title.startsWith(name)) document.title = name + document.title;
}
new MutationObserver(nameTab).observe(document.head ?? document.documentElement, { characterData: true, childList: true, subtree: true });
