// Tab titles start with the cluster, because many tabs may show the same page of different sessions.
function nameTab() {
  const name = `${given.cluster || given.session} \u00b7 `;
  if (!document.title.startsWith(name)) document.title = name + document.title;
}
new MutationObserver(nameTab).observe(document.head ?? document.documentElement, { characterData: true, childList: true, subtree: true });
