// From a folder on disk a page may not read other pages: search shows titles without excerpts there.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// What scrolls sideways can be reached by keyboard.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll("div.math, div.highlight pre, .table-wrapper")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
});

// What a screen reader is told beyond what the theme says.
document.addEventListener("DOMContentLoaded", () => {
  document.querySelector("aside.sidebar-drawer")?.setAttribute("aria-label", "All pages");
  document.querySelector("aside.toc-drawer")?.setAttribute("aria-label", "On this page");
  for (const head of document.querySelectorAll("th")) {
    if (!head.textContent.trim()) head.setAttribute("role", "presentation");
  }
});
