// What the theme and docutils tell a screen reader wrongly.
addEventListener("DOMContentLoaded", () => {
  const all = (selector) => document.querySelectorAll(selector);
  all("summary, .search-button-field").forEach((e) => e.removeAttribute("aria-label"));
  all(".theme-switch").forEach((icon) => icon.removeAttribute("title"));
  all("[role=doc-biblioentry]").forEach((entry) => entry.setAttribute("role", "listitem"));
  all(".sidebar-primary-items__start").forEach((side) => {
    side.setAttribute("role", "complementary");
    side.setAttribute("aria-label", "The book");
  });
});
