"use strict";
// One's own points: tools of the plane, files and pasted rows, by mouse, finger and keyboard.
(function (playground) {
  const { parse, empty, added, without, MOST_POINTS, MOST_CLASSES } = playground.points;
  const { element } = playground.formulas;
  const { fromScreen, nearest } = playground.plane;
  const byId = (id) => document.getElementById(id);

  class Own {
    /**
     * page: {view(), points(), isOwn(), setOwn(points, words), follow(index), complain(text),
     * before(), moved()} — what is shown, and what hears of changes.
     */
    constructor(page) {
      Object.assign(this, { page, tool: "0", cross: null });
      this.tools();
      this.files();
      this.plane(byId("plane"));
    }

    tools() {
      const names = [..."0123"].map((label) => [label, `class ${label}`, "●■▲◆"[label]]);
      const all = [...names, ["erase", "take away", "✕"], ["follow", "follow a point", "◎"]];
      byId("tools").append(...all.map(([value, title, sign]) => {
        const input = element("input", { type: "radio", name: "tool", value, id: `tool-${value}` });
        input.checked = value === this.tool;
        input.addEventListener("change", () => { this.tool = value; });
        const isClass = names.some(([label]) => label === value);
        const label = element("label", { for: input.id, title, class: isClass ? `class-${Number(value) + 1}` : "" },
          sign, element("span", { class: "unseen" }, title));
        return element("span", {}, input, label);
      }));
    }

    files() {
      byId("own-open").addEventListener("click", () => byId("own-file").click());
      byId("own-file").addEventListener("change", async (event) => {
        const [file] = event.target.files;
        event.target.value = "";
        if (file) this.use(await file.text(), file.name);
      });
      byId("own-use").addEventListener("click", () => this.use(byId("own-text").value, "The pasted rows"));
      byId("own-clear").addEventListener("click", () => this.page.setOwn(empty(), "All points are gone."));
      byId("own-take").addEventListener("click", () => {
        const points = this.page.before();
        this.page.setOwn({ ...points, names: [] }, `These are ${points.n} points to begin with.`);
      });
    }

    use(text, name) {
      try {
        const points = parse(text);
        this.page.setOwn(points, `${name}: ${points.n} points, classes ${points.names.join(", ")}.`);
      } catch (error) {
        this.page.complain(`${name} cannot be used. ${error.message}`);
      }
    }

    plane(canvas) {
      canvas.addEventListener("click", (event) => {
        const box = canvas.getBoundingClientRect();
        const place = fromScreen(
          this.page.frame(), box.width, box.height, event.clientX - box.left, event.clientY - box.top);
        this.cross = null;
        this.act(place, this.page.isOwn() ? this.tool : "follow");
      });
      canvas.addEventListener("keydown", (event) => this.key(event));
      canvas.addEventListener("blur", () => {
        this.cross = null;
        this.page.moved();
      });
    }

    /** A click or key at a place of the plane. */
    act(place, tool) {
      const points = this.page.points();
      const near = nearest(points, this.page.frame(), place);
      if (tool === "follow") {
        if (near >= 0) this.page.follow(near);
      } else if (tool === "erase") {
        if (near >= 0) this.page.setOwn(without(points, near), "");
      } else if (points.n >= MOST_POINTS) {
        this.page.complain(`There are ${points.n} points, and this page takes no more.`);
      } else {
        const scale = this.page.frame().map(([low, high]) => 10 ** (3 - Math.ceil(Math.log10(high - low))));
        const [x1, x2] = place.map((v, i) => Math.round(v * scale[i]) / scale[i]);
        this.page.setOwn(added(points, x1, x2, Number(tool)), "");
      }
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const frame = this.page.frame();
      const middle = frame.map(([low, high]) => (low + high) / 2);
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      const isOwn = this.page.isOwn();
      const label = Number(event.key) - 1;
      if (by) {
        const pace = event.shiftKey ? 0.1 : 0.025;
        const from = this.cross ?? middle;
        this.cross = frame.map(([low, high], i) =>
          Math.min(high, Math.max(low, from[i] + by[i] * pace * (high - low))));
        this.page.moved();
      } else if (event.key === "Enter") this.act(this.cross ?? middle, "follow");
      else if (isOwn && label >= 0 && label < MOST_CLASSES) this.act(this.cross ?? middle, String(label));
      else if (isOwn && ["Delete", "Backspace"].includes(event.key)) this.act(this.cross ?? middle, "erase");
      else return;
      event.preventDefault();
    }
  }

  playground.Own = Own;
})((globalThis.playground ??= {}));
