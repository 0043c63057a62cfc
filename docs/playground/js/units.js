"use strict";
// The network as a picture: a small plane for each unit, a line for each weight.
(function (playground) {
  const { paintUnit } = playground.plane;
  const { palette, css } = playground.colours;
  const SVG = "http://www.w3.org/2000/svg";
  const digits = (v) => String(Number(v.toPrecision(3))).replace("-", "−");

  /**
   * on: {show(unit or null), pick(l, k, j), grow(l, by), layers(by)} hear what the reader does.
   */
  class Units {
    constructor(element, on) {
      Object.assign(this, { element, on, buttons: [], edges: [], shown: null });
      element.addEventListener("keydown", (event) => this.move(event));
    }

    /** Lay out units and lines anew for a network of these sizes. */
    build(sizes, inputNames, classNames) {
      this.inputNames = inputNames;
      this.sizes = sizes;
      this.element.replaceChildren();
      const width = this.element.clientWidth || 320;
      const columns = sizes.length;
      const most = Math.max(...sizes);
      const size = Math.max(20, Math.min(52, (0.62 * width) / columns, 440 / most - 6));
      const gap = Math.min(14, Math.max(5, 0.25 * size));
      const top = 62;
      const height = top + most * (size + gap) + 8;
      this.element.style.height = `${height}px`;
      const xOf = (c) => (columns === 1 ? 0 : (c * (width - size - 2)) / (columns - 1) + 1);
      const yOf = (c, j) => top + ((most - sizes[c]) * (size + gap)) / 2 + j * (size + gap);
      this.lines(width, height, size, xOf, yOf);
      this.buttons = sizes.map((n, c) => Array.from({ length: n }, (_, j) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "unit";
        button.tabIndex = c === 0 && j === 0 ? 0 : -1;
        Object.assign(button.style, {
          left: `${xOf(c)}px`, top: `${yOf(c, j)}px`, width: `${size}px`, height: `${size}px`,
        });
        button.append(document.createElement("canvas"));
        button.dataset.place = `${c},${j}`;
        const show = () => this.on.show([c, j]);
        const hide = () => this.on.show(null);
        button.addEventListener("pointerenter", show);
        button.addEventListener("focus", show);
        button.addEventListener("pointerleave", hide);
        button.addEventListener("blur", hide);
        button.addEventListener("click", () => this.on.pin([c, j]));
        this.element.append(button);
        return button;
      }));
      this.heads(sizes, xOf, size, classNames);
    }

    lines(width, height, size, xOf, yOf) {
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
      svg.setAttribute("aria-hidden", "true");
      this.edges = this.sizes.slice(1).map((n, l) =>
        Array.from({ length: this.sizes[l] }, (_, k) => Array.from({ length: n }, (_, j) => {
          const line = document.createElementNS(SVG, "path");
          const [x1, y1] = [xOf(l) + size, yOf(l, k) + size / 2];
          const [x2, y2] = [xOf(l + 1), yOf(l + 1, j) + size / 2];
          const middle = (x1 + x2) / 2;
          line.setAttribute("d", `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`);
          line.addEventListener("click", () => this.on.pick(l, k, j));
          line.append(document.createElementNS(SVG, "title"));
          svg.append(line);
          return line;
        })));
      this.element.append(svg);
    }

    /** Above each column its name, and above hidden ones the buttons that change its size. */
    heads(sizes, xOf, size, classNames) {
      this.classNames = classNames;
      const last = sizes.length - 1;
      sizes.forEach((n, c) => {
        const head = document.createElement("div");
        head.className = "head";
        head.style.left = `${xOf(c) + size / 2}px`;
        const name = document.createElement("span");
        name.innerHTML = c === 0 ? "<i>x</i>" : c === last ? "<i>z</i>" : `<i>h</i><sub>${c}</sub>`;
        head.append(name);
        if (c > 0 && c < last) {
          for (const [text, by] of [["+", 1], ["−", -1]]) {
            const button = document.createElement("button");
            button.type = "button";
            button.textContent = text;
            button.setAttribute("aria-label", `${by > 0 ? "One unit more" : "One unit less"} in hidden layer ${c}`);
            button.disabled = by < 0 ? n <= 1 : n >= playground.settings.fields.hidden.most;
            button.addEventListener("click", () => this.on.grow(c - 1, by));
            head.append(button);
          }
        }
        this.element.append(head);
      });
    }

    nameOf(c, j) {
      const last = this.sizes.length - 1;
      if (c === 0) return `Input ${this.inputNames[j]}`;
      if (c === last) return this.sizes[c] === 1 ? "Score z, the answer" : `Score z of ${this.classNames[j]}`;
      return `Unit ${j + 1} of hidden layer ${c}`;
    }

    /** The arrows go from unit to unit: the whole picture is one stop of the Tab key. */
    move(event) {
      const place = event.target.dataset?.place;
      const steps = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
      const by = steps[event.key];
      if (!place || !by) return;
      event.preventDefault();
      const [c, j] = place.split(",").map(Number);
      const column = this.buttons[c + by[0]];
      if (!column) return;
      const next = column[Math.max(0, Math.min(j + by[1], column.length - 1))];
      event.target.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    }

    /** Paint every unit and weight as they are now; `words` also says them to those who listen. */
    draw(training, grid, picked, pinned, words) {
      const { layout, theta } = training;
      const { plus, minus, muted } = palette();
      this.buttons.forEach((column, c) => column.forEach((button, j) => {
        const values = c < grid.h.length ? grid.h[c] : grid.z;
        paintUnit(button.firstChild, values, this.sizes[c], j);
        button.setAttribute("aria-pressed", String(Boolean(pinned && pinned[0] === c && pinned[1] === j)));
        if (!words) return;
        const b = c ? `, b = ${digits(theta[layout.layers[c - 1].b + j])}` : "";
        button.title = this.nameOf(c, j) + b;
        button.setAttribute("aria-label", button.title);
      }));
      this.edges.forEach((rows, l) => rows.forEach((row, k) => row.forEach((line, j) => {
        const { W, nOut } = layout.layers[l];
        const w = theta[W + k * nOut + j];
        const chosen = picked && picked[0] === l && picked[1] === k && picked[2] === j;
        const thick = Math.min(7, 0.5 + 1.9 * Math.sqrt(Math.abs(w)));
        line.style.strokeWidth = `${(Number.isFinite(thick) ? thick : 7) + (chosen ? 1.5 : 0)}`;
        line.style.stroke = css(w > 0 ? plus : w < 0 ? minus : muted);
        line.classList.toggle("chosen", Boolean(chosen));
        if (words) line.firstChild.textContent = `W${"₁₂₃₄₅₆₇"[l]}[${k + 1}, ${j + 1}] = ${digits(w)}`;
      })));
    }
  }

  playground.Units = Units;
})((globalThis.playground ??= {}));
