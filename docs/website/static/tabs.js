// A link may lead into a tab that is not shown: choose that tab, then go there.
function showTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const tab = target && target.closest(".sd-tab-content");
  if (tab) {
    tab.previousElementSibling.click();
    target.scrollIntoView();
  }
}
window.addEventListener("hashchange", showTarget);
window.addEventListener("load", showTarget);
