"use strict";
// The page's colours as numbers, for canvases: read from the style sheet, light or dark.
(function (playground) {
  let known = null;

  function channels(text) {
    const hex = text.trim().replace("#", "");
    return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16));
  }

  const css = ([r, g, b]) => `rgb(${Math.round(r)}, ${Math.round(g)}, ${Math.round(b)})`;
  const mix = (from, to, share) => from.map((v, i) => v + (to[i] - v) * share);

  function palette() {
    if (known) return known;
    const style = getComputedStyle(document.documentElement);
    const of = (name) => channels(style.getPropertyValue(`--${name}`));
    const many = (name, count) => Array.from({ length: count }, (_, i) => of(`${name}-${i + 1}`));
    known = {
      paper: of("card"), ink: of("ink"), muted: of("muted"), line: of("line"),
      plus: of("plus"), minus: of("minus"), train: of("train"), validation: of("validation"),
      classes: many("class", 4), layers: many("layer", 7),
    };
    return known;
  }

  /** Of the system, of the documentation's own choice, or of the button here. */
  function startTheme(button, redraw) {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme"); // the documentation's pages keep it there
    } catch { /* pages from files may keep nothing */ }
    const apply = () => {
      const theme = ["light", "dark"].includes(chosen) ? chosen : dark.matches ? "dark" : "light";
      document.documentElement.dataset.theme = theme;
      button.textContent = theme === "dark" ? "Light" : "Dark";
      button.setAttribute("aria-label", `${button.textContent} colours`);
      known = null;
      redraw();
    };
    dark.addEventListener("change", apply);
    button.addEventListener("click", () => {
      chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      try {
        localStorage.setItem("theme", chosen);
      } catch { /* then it holds until the page is left */ }
      apply();
    });
    apply();
  }

  playground.colours = { palette, css, mix, startTheme };
})((globalThis.playground ??= {}));
