const all = (selector) => document.querySelectorAll(selector);

// What the theme and docutils tell a screen reader wrongly.
addEventListener("load", () => {
  all("summary, .search-button-field").forEach((e) => e.removeAttribute("aria-label"));
  all("[role=doc-biblioentry]").forEach((entry) => entry.setAttribute("role", "listitem"));
  all(".sidebar-primary-items__start").forEach((side) => {
    side.setAttribute("role", "complementary");
    side.setAttribute("aria-label", "The book");
  });
});

// The list of chapters shows where you are.
addEventListener("load", () => {
  const here = document.querySelector(".bd-sidenav .active");
  const list = here?.closest(".sidebar-primary-item");
  if (list) list.scrollTop += here.getBoundingClientRect().top - list.clientHeight;
});

// A formula that is too wide for a phone is set smaller.
addEventListener("load", async () => {
  await window.MathJax?.startup.promise;
  all("div.math").forEach((box) => {
    const share = box.clientWidth / box.querySelector("mjx-math").getBoundingClientRect().width;
    if (share < 1) box.style.fontSize = `calc(${share} * ${getComputedStyle(box).fontSize})`;
  });
});

// On paper: by day, with solutions and folded tables unfolded.
let theme;
addEventListener("beforeprint", () => {
  theme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
  all(".tag_hide-cell details, .tag_hide-output details").forEach((code) => (code.open = true));
});
addEventListener("afterprint", () => (document.documentElement.dataset.theme = theme));
