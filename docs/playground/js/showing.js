"use strict";
// The small things that show the state: counters, curves, legends, the choice of data.
(function (playground) {
  const { fields } = playground.settings;
  const { draw: drawPoints } = playground.datasets;
  const { colourOf, rgbOf, mark, sharp } = playground.plane;
  const { draw: drawCurves } = playground.curves;
  const { element, numberText } = playground.formulas;
  const { palette, css } = playground.colours;
  const byId = (id) => document.getElementById(id);
  const DASHES = [[], [7, 3], [2, 2], [9, 3, 2, 3], [4, 4], [1, 3], [12, 3]];

  function scoreText(training, score) {
    if (!Number.isFinite(score)) return "–";
    return training.outputs === 1 ? numberText(score) : `${(100 * score).toFixed(1)} %`;
  }

  function counters(page) {
    const { training, at } = page;
    byId("c-step").textContent = `${training.t} of ${training.total}`;
    byId("c-epoch").textContent = training.epoch;
    byId("c-rate").textContent = numberText(training.rate(training.t + 1));
    byId("c-train").textContent = page.training.train.n ? numberText(at.train.loss) : "–";
    byId("c-validation").textContent = page.training.validation.n ? numberText(at.validation.loss) : "–";
    const right = page.training.validation.n ? at.validation : at.train;
    byId("c-right").textContent = scoreText(training, right.score);
    byId("h-right").textContent = training.loss.score;
  }

  function curves(page) {
    const { training, history } = page;
    const colours = palette();
    const kept = page.kept.map((old, i) => ({ points: old.rows, colour: colours.muted, dash: DASHES[i + 1], thick: 1.4 }));
    const to = Math.max(training.total, training.t, 1);
    drawCurves(byId("loss"), [
      ...kept,
      { points: history.column(1), colour: colours.train },
      { points: history.column(2), colour: colours.validation, thick: 2.2 },
    ], { log: byId("log").checked, to });
    const sizes = training.layout.layers.map((_, l) => ({
      points: history.column(3 + l).map(([t, v]) => [t, Math.min(v, 10)]), colour: colours.layers[l], thick: 1.3,
    }));
    drawCurves(byId("sizes"), sizes, { log: true, to });
    const many = Math.min(training.total, 300);
    const plan = Array.from({ length: many }, (_, i) => {
      const t = 1 + Math.round((i * (training.total - 1)) / Math.max(many - 1, 1));
      return [t, training.rate(t)];
    });
    drawCurves(byId("rate"), [{ points: plan, colour: colours.ink }], { to, dot: [training.t, training.rate(training.t + 1)] });
  }

  function legend(page) {
    const numbers = page.points.outputs === 1;
    const heldOut = numbers ? "◆ held out" : "hollow: held out";
    const marks = numbers
      ? [element("li", {}, "−1 ", element("span", { class: "scale", "aria-hidden": "true" }), " 1")]
      : page.classNames.map((name, k) => element("li", {},
        element("b", { class: `class-${k + 1}`, "aria-hidden": "true" }, "●■▲◆"[k]), ` ${name}`));
    byId("legend").replaceChildren(
      ...marks, element("li", { class: "remark" }, page.held.size ? heldOut : "none is held out"));
    byId("loss-legend").replaceChildren(
      element("li", { class: "train" }, "training"), element("li", { class: "validation" }, "validation"),
      ...page.kept.map((old, i) => element("li", { class: "remark" }, `${["– –", "···", "–·"][i]} kept: ${old.name}`)));
    byId("sizes-legend").replaceChildren(...page.training.layout.layers.map((_, l) => {
      const item = element("li", {}, `W${"₁₂₃₄₅₆₇"[l]}`);
      item.style.setProperty("--mark", `var(--layer-${l + 1})`);
      return item;
    }));
  }

  function weightChoices(page) {
    const { sizes } = page.training.layout;
    const [l] = page.weight;
    const options = (n, name) => Array.from({ length: n }, (_, i) => element("option", { value: i }, name(i)));
    const nameOf = (c, j) => (c === 0 ? page.inputNames[j] : c === sizes.length - 1 ? `z, ${page.classNames[j]}` : `unit ${j + 1}`);
    byId("weight-layer").replaceChildren(...options(sizes.length - 1, (i) => `W${"₁₂₃₄₅₆₇"[i]}`));
    byId("weight-from").replaceChildren(...options(sizes[l], (i) => nameOf(l, i)));
    byId("weight-to").replaceChildren(...options(sizes[l + 1], (i) => nameOf(l + 1, i)));
    ["layer", "from", "to"].forEach((name, i) => { byId(`weight-${name}`).value = page.weight[i]; });
  }

  function dataChoices(choose) {
    const { classes, paper } = palette();
    for (const name of fields.data.choices) {
      const known = byId(`data-${name}`);
      const canvas = known?.parentElement.querySelector("canvas") ?? element("canvas", { "aria-hidden": "true" });
      if (!known) {
        const input = element("input", { type: "radio", name: "data", value: name, id: `data-${name}` });
        input.addEventListener("change", () => choose(name));
        byId("data").append(element("span", {}, input,
          element("label", { for: input.id }, canvas, name === "own" ? "my own" : name)));
      }
      const { context, width, height } = sharp(canvas);
      context.fillStyle = css(paper);
      context.fillRect(0, 0, width, height);
      if (name === "own") {
        context.fillStyle = css(palette().ink);
        context.font = "24px system-ui, sans-serif";
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText("+", width / 2, height / 2);
        continue;
      }
      const points = drawPoints(name, 90, 0.04, 0);
      for (let i = 0; i < points.n; i++) {
        context.fillStyle = points.outputs === 1 ? rgbOf(colourOf(points.y[i])) : css(classes[points.y[i]]);
        mark(context, ((points.x[2 * i] + 2.7) / 5.4) * width, ((2.7 - points.x[2 * i + 1]) / 5.4) * height, 0, points.outputs === 1 ? 2.2 : 1.5);
        context.fill();
      }
    }
  }

  playground.showing = { counters, curves, legend, weightChoices, dataChoices };
})((globalThis.playground ??= {}));
