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

// On paper: by day, with solutions unfolded; what was folded away stays so but for their code.
let theme;
addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  document.querySelectorAll(".tag_hide-cell details").forEach((code) => (code.open = true));
});
addEventListener("afterprint", () => (document.documentElement.dataset.theme = theme));
