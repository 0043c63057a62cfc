"use strict";
// Lines of the derivation as HTML: a formula, its tag with the chapter that derives it, its numbers.
(function (playground) {
  const CHAPTERS = {
    A: "01-activations", E: "02-losses", I: "03-initializers", O: "04-optimizers", S: "05-schedules",
    L: "07-layers", C: "08-chain", R: "09-optimizer", T: "10-step",
  };

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  /** (A9), which leads to the chapter that derives it. */
  function tagLink(tag) {
    const href = `../derivations/${CHAPTERS[tag[0]]}.html#${tag}`;
    return element("a", { class: "tag", href, title: `Derived in the book under ${tag}` }, `(${tag})`);
  }

  /** Four digits, a real minus. */
  function numberText(v) {
    if (v === 0) return "0";
    if (!Number.isFinite(v)) return Number.isNaN(v) ? "not a number" : v > 0 ? "∞" : "−∞";
    const size = Math.abs(v);
    const text = size < 1e-3 || size >= 1e5 ? v.toExponential(2) : v.toPrecision(4);
    return text.replace(/e\+?(-?)0*/, "e$1").replaceAll("-", "−");
  }

  /** A cell, tinted by its sign and size among its neighbours. */
  function cell(name, v, most) {
    const made = element(name, { class: v > 0 ? "n plus" : v < 0 ? "n minus" : "n" }, numberText(v));
    made.style.setProperty("--share", `${Math.round(26 * Math.min(Math.abs(v) / most || 0, 1))}%`);
    return made;
  }

  const mostOf = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-300);

  function vector(values, names = null) {
    const most = mostOf(values);
    const cells = Array.from(values, (v, i) => {
      const made = cell("span", v, most);
      if (names) made.prepend(element("small", {}, `${names[i]} `));
      return made;
    });
    return element("div", { class: "vector" }, ...cells);
  }

  function matrix(values, columns) {
    const most = mostOf(values);
    const body = element("tbody");
    for (let r = 0; r * columns < values.length; r++) {
      const row = Array.from(values.slice(r * columns, (r + 1) * columns), (v) => cell("td", v, most));
      body.append(element("tr", {}, ...row));
    }
    return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "Matrix" },
      element("table", {}, body));
  }

  /** html is a formula of this page's own making, never a text of the reader's. */
  function line({ html, tags = [], values, columns = 0, names = null, words = "" }) {
    const formula = element("span", { class: "formula" });
    formula.innerHTML = html;
    const head = element("div", { class: "says" }, formula, ...tags.map(tagLink));
    if (words) head.append(element("span", { class: "remark" }, words));
    const made = element("div", { class: "line" }, head);
    if (typeof values === "number") head.append(element("span", { class: "n alone" }, numberText(values)));
    else if (columns) made.append(matrix(values, columns));
    else if (values) made.append(vector(values, names));
    return made;
  }

  const sub = (letter, index) => `<i>${letter}</i><sub>${index}</sub>`;

  playground.formulas = { element, tagLink, numberText, line, sub };
})((globalThis.playground ??= {}));
