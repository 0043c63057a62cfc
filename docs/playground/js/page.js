"use strict";
// The page: what is shown now, what the buttons do, and the loop that trains and draws.
(function (playground) {
  const { defaults, toFragment, fromFragment } = playground.settings;
  const { forward } = playground.network;
  const { draw: drawPoints, split, frameOf } = playground.datasets;
  const { responses, draw: drawPlane } = playground.plane;
  const { History } = playground.curves;
  const { counters, curves, legend, weightChoices, dataChoices } = playground.showing;
  const { numberText } = playground.formulas;
  const byId = (id) => document.getElementById(id);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const AT_ONCE = 14; // milliseconds of training between two pictures, as fast as it goes

  const page = {
    settings: defaults(), own: playground.points.empty(), before: null, kept: [],
    running: false, shown: null, pinned: null, sample: 0, weight: [0, 0, 0],
  };
  let units, form, own;

  // -- from settings to a training ------------------------------------------------------------

  function rebuild() {
    const { settings } = page;
    const isOwn = settings.data === "own";
    page.points = isOwn ? page.own : drawPoints(settings.data, settings.n, settings.noise, settings.draw);
    if (!isOwn && page.points.outputs > 1) page.before = page.points; // one's own have classes
    const { outputs, names } = page.points;
    page.classNames = outputs === 1
      ? ["number"]
      : Array.from({ length: outputs }, (_, k) => names?.[k] ?? `class ${k}`);
    page.inputNames = settings.features.map((key) => playground.features[key].label);
    const parts = split(page.points, settings.validation, settings.draw);
    page.frame = frameOf(settings.data, page.points);
    page.held = new Set(parts.validation.rows);
    page.training = new playground.Training(settings, parts.train, parts.validation, outputs);
    page.history = new History();
    page.sample = Math.max(0, Math.min(page.sample, page.points.n - 1));
    page.shown = page.pinned = null;
    const { sizes } = page.training.layout;
    const [l, k, j] = page.weight;
    if (l >= sizes.length - 1 || k >= sizes[l] || j >= sizes[l + 1]) page.weight = [0, 0, 0];
    byId("own").hidden = !isOwn;
    form.show(settings);
    for (const input of byId("data").querySelectorAll("input")) input.checked = input.value === settings.data;
    units.build(sizes, page.inputNames, page.classNames);
    legend(page);
    weightChoices(page);
    playground.explainDemonstration(settings);
    record(null);
  }

  /** A changed setting starts over; a training that runs goes on running. */
  function change(key, value) {
    page.settings[key] = value;
    if (key === "optimizer" || key === "schedule") { // options are those of what is chosen
      const { options } = (key === "optimizer" ? playground.optimizers : playground.schedules)[value];
      for (const name of Object.keys(options)) page.settings[name] = null;
      if (key === "optimizer") page.settings.lr = playground.optimizers[value].lr;
    }
    rebuild();
    say("");
    byId("aside").textContent = `Started over with ${key} ${value}.`;
    settle();
  }

  // -- training -----------------------------------------------------------------------------

  function record(done) {
    const { training } = page;
    page.at = { train: training.evaluate(training.train), validation: training.evaluate(training.validation) };
    page.history.add([
      training.t, page.at.train.loss, page.at.validation.loss, ...(done ? done.sizes : []),
    ]);
  }

  function whyNot() {
    if (page.training.train.n) return "";
    return "There are no points yet: click into the plane, or open a file.";
  }

  /** Up to `count` steps, within `limit` milliseconds; stops where the plan ends. */
  function advance(count, limit = Infinity) {
    const { training } = page;
    const began = performance.now();
    let done = null;
    for (let i = 0; i < count && !training.diverged; i++) {
      done = training.step();
      if (training.t % training.stepsPerEpoch === 0) record(done);
      if (training.t === training.total && page.running) {
        stop(`The run is over after ${training.total} steps. Run goes on at the rate of the schedule's end.`);
        break;
      }
      if (performance.now() - began > limit) break;
    }
    if (done) record(done);
    if (training.diverged) {
      stop(`The weights left the finite numbers at step ${training.t}: the rate is too large. Start over.`);
    }
    return done;
  }

  function start() {
    if (whyNot()) return say(whyNot());
    if (page.training.diverged) return say("These weights are no numbers any more. Start over.");
    page.running = true;
    page.clock = null;
    byId("run").textContent = "Pause";
    say("");
    (calm.matches ? later : requestAnimationFrame)(tick);
  }

  const later = (next) => setTimeout(() => next(performance.now()), 1000);

  function stop(words = "") {
    page.running = false;
    byId("run").textContent = "Run";
    say(words);
  }

  function tick(now) {
    if (!page.running) return;
    const pace = Number(byId("speed").value);
    const passed = page.clock === null ? 0 : Math.min(now - page.clock, 1200);
    page.clock = now;
    page.owed = pace ? Math.min((page.owed ?? 0) + (passed * pace) / 1000, 2 * pace) : 0;
    const count = pace ? Math.floor(page.owed) : Infinity;
    if (pace) page.owed -= count;
    if (count) advance(count, calm.matches ? 300 : AT_ONCE);
    if (page.running) {
      if (count) drawAll(false);
      (calm.matches ? later : requestAnimationFrame)(tick);
    } else settle();
  }

  function byHand(count) {
    if (whyNot()) return say(whyNot());
    stop();
    advance(count);
    settle();
  }

  // -- drawing ------------------------------------------------------------------------------

  function drawAll(words) {
    const { training, frame } = page;
    const grid = responses(training, frame);
    const place = page.shown ?? page.pinned;
    const unit = place && {
      values: place[0] < grid.h.length ? grid.h[place[0]] : grid.z, units: training.layout.sizes[place[0]], j: place[1],
    };
    drawPlane(byId("plane"), {
      grid, unit, frame, points: page.points, held: page.held, followed: page.sample, cross: own?.cross,
    });
    byId("h-plane").textContent = place ? units.nameOf(...place) : "What it answers";
    units.draw(training, grid, page.weight, page.pinned, words);
    counters(page);
    curves(page);
    const due = performance.now() - (page.explained ?? 0) > 400;
    if (words || due) explain();
  }

  function explain() {
    page.explained = performance.now();
    const { points, training, sample } = page;
    byId("sample").max = points.n;
    byId("sample").value = points.n ? sample + 1 : "";
    if (!points.n) {
      byId("sample-about").textContent = "There is no point yet.";
      byId("derivation").replaceChildren();
      byId("update").replaceChildren();
      return;
    }
    const x = [points.x[2 * sample], points.x[2 * sample + 1]];
    const part = page.held.has(sample) ? "held out" : "trained on";
    const what = points.outputs === 1 ? `y = ${numberText(points.y[sample])}` : page.classNames[points.y[sample]];
    byId("sample-about").textContent = `of ${points.n}: ${what}, ${part}`;
    const lines = playground.derivation.linesOf(training, x, points.y[sample], page.classNames);
    playground.derivation.show(byId("derivation"), lines);
    const next = playground.update.linesOf(training, ...page.weight);
    playground.update.show(byId("update"), next, page.settings.optimizer);
  }

  /** What the network answers at a place of the plane, in words. */
  function answerAt(place) {
    const { training, classNames } = page;
    const { z } = forward(training.layout, page.settings.activation, training.theta, training.inputs(place), 1);
    const [x1, x2] = place.map(numberText);
    if (training.outputs === 1) return `x₁ ${x1}, x₂ ${x2}: ${numberText(z[0])}`;
    const p = playground.softmax(z, 1, training.outputs);
    const top = p.indexOf(Math.max(...p));
    return `x₁ ${x1}, x₂ ${x2}: ${classNames[top]}, ${(100 * p[top]).toFixed(0)} %`;
  }

  /** Draw with all words, for eyes and screen readers, and put the state into the address. */
  function settle() {
    drawAll(true);
    const { training, at } = page;
    const losses = `training loss ${numberText(at.train.loss)}, validation loss ${numberText(at.validation.loss)}`;
    const kinds = page.points.outputs === 1 ? "with a number each" : `of ${page.classNames.length} classes`;
    const place = `${page.points.n} points ${kinds}`;
    byId("plane").setAttribute("aria-label", `The plane with ${place} and the network's answer; after ${training.t} steps ${losses}.`);
    byId("loss").setAttribute("aria-label", `Loss over the steps: after ${training.t} steps ${losses}.`);
    const sizes = page.history.rows[page.history.rows.length - 1].slice(3).map(numberText).join(", ");
    byId("sizes").setAttribute("aria-label", `Update sizes, layer by layer: ${sizes || "no step yet"}.`);
    const [now, planned] = [training.rate(training.t + 1), `${training.total} steps`];
    byId("rate").setAttribute("aria-label", `The rate over ${planned}: ${numberText(now)} at the next.`);
    byId("python").textContent = playground.python.programOf(training);
    const csv = playground.points.toCsv(page.points, page.held);
    byId("save-points").href = `data:text/csv;charset=utf-8,${encodeURIComponent(csv)}`;
    address();
  }

  /** The address holds the state, and what is followed. */
  function address() {
    page.fragment = `#${toFragment(page.settings, page.training.t, page.own, page)}`;
    if (page.fragment !== (location.hash || "#")) history.replaceState(null, "", page.fragment);
  }

  // -- what is made once ----------------------------------------------------------------------

  function say(words) {
    if (byId("message").textContent !== words) byId("message").textContent = words;
  }

  function pick(l, k, j) {
    const { sizes } = page.training.layout;
    page.weight = [l, Math.min(k, sizes[l] - 1), Math.min(j, sizes[l + 1] - 1)];
    weightChoices(page);
    drawAll(true);
    address();
  }

  function follow(index) {
    page.sample = index;
    drawAll(true);
    address();
  }

  /** Draw only what a look at a unit changes. */
  function look(place) {
    page.shown = place;
    if (!page.running) drawAll(false);
  }

  function setOwn(points, words) {
    page.own = points;
    page.settings.data = "own";
    const wide = frameOf("own", points)[0][1] !== 2.7 || frameOf("own", points)[1][1] !== 2.7;
    const scale = wide && page.settings.scaling === "none" && points.n > 1;
    if (scale) page.settings.scaling = "feature";
    rebuild();
    say(words + (scale ? " Their numbers are large, so each input is scaled to mean 0 and deviation 1." : ""));
    settle();
  }

  function load() {
    const found = fromFragment(location.hash);
    Object.assign(page, { settings: found.settings, own: found.own, sample: found.sample, weight: found.weight });
    stop();
    rebuild();
    const bad = found.problems.join(" ");
    const goOn = () => {
      if (page.training.t >= found.t || whyNot() || page.training.diverged) {
        say(bad);
        return settle();
      }
      advance(found.t - page.training.t, 80);
      say(`Going to step ${found.t} …`);
      drawAll(false);
      return setTimeout(goOn, 0);
    };
    goOn();
  }

  async function copy(text, words) {
    try {
      await navigator.clipboard.writeText(text);
      say(words);
    } catch {
      say("The browser lets nothing be copied here: select the text and copy it.");
    }
  }

  function wire() {
    byId("run").addEventListener("click", () => {
      if (!page.running) return start();
      stop();
      return settle();
    });
    byId("step").addEventListener("click", () => byHand(1));
    byId("epoch").addEventListener("click", () => byHand(page.training.stepsPerEpoch));
    byId("reset").addEventListener("click", () => {
      stop();
      rebuild();
      settle();
    });
    byId("log").addEventListener("change", () => drawAll(false));
    byId("keep").addEventListener("click", () => {
      const { optimizer, lr, schedule } = page.settings;
      const name = `${optimizer}, η = ${lr}${schedule === "constant" ? "" : `, ${schedule}`}`;
      page.kept = [...page.kept, { name, rows: page.history.column(1) }].slice(-3);
      legend(page);
      say(`Kept the training loss of ${name}, beside what comes next. A fourth takes the place of the first.`);
      drawAll(false);
    });
    byId("sample").addEventListener("change", (event) => {
      const index = Math.round(Number(event.target.value)) - 1;
      follow(Math.max(0, Math.min(index || 0, page.points.n - 1)));
    });
    for (const [id, by] of [["sample-before", -1], ["sample-after", 1]]) {
      byId(id).addEventListener("click", () => follow((page.sample + by + page.points.n) % page.points.n || 0));
    }
    ["layer", "from", "to"].forEach((name, i) => byId(`weight-${name}`).addEventListener("change", (event) => {
      const chosen = [...page.weight];
      chosen[i] = Number(event.target.value);
      pick(...chosen);
    }));
    byId("copy-python").addEventListener("click", () => copy(byId("python").textContent, "The program is copied."));
    byId("copy-link").addEventListener("click", () => {
      if (page.settings.data === "own" && playground.points.pack(page.own) === null) {
        return say("There are too many points for a link: save points.csv, and open it where the link is.");
      }
      return copy(location.href.split("#")[0] + page.fragment, "The link is copied.");
    });
    document.addEventListener("keydown", (event) => {
      const typing = event.target.closest?.("input:not([type=radio], [type=checkbox]), select, textarea");
      if (typing || !byId("keys").checked || event.ctrlKey || event.metaKey || event.altKey) return;
      const button = { r: "run", s: "step", e: "epoch", 0: "reset" }[event.key.toLowerCase()];
      if (!button) return;
      event.preventDefault();
      byId(button).click();
    });
    for (const link of document.querySelectorAll("[data-jump]")) { // the address holds the state
      link.addEventListener("click", (event) => {
        event.preventDefault();
        const target = byId(link.getAttribute("href").slice(1));
        target.scrollIntoView();
        target.focus({ preventScroll: true });
      });
    }
    addEventListener("hashchange", () => {
      if (location.hash === page.fragment) return;
      load();
      scrollTo(0, 0);
    });
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      units.build(page.training.layout.sizes, page.inputNames, page.classNames);
      drawAll(true);
    });
  }

  function main() {
    if (innerWidth < 700) byId("learning").open = false;
    form = new playground.Form(change, say);
    units = new playground.Units(byId("network"), {
      show: look, pick,
      pin: (place) => {
        page.pinned = String(page.pinned) === String(place) ? null : place;
        drawAll(true);
      },
      grow: (layer, by) => {
        const hidden = [...page.settings.hidden];
        hidden[layer] += by;
        change("hidden", hidden);
      },
    });
    own = new playground.Own({
      frame: () => page.frame, points: () => page.points, isOwn: () => page.settings.data === "own",
      before: () => page.before ?? drawPoints("circles", 100, 0.1, 0), setOwn, follow, complain: say,
      moved: () => {
        drawAll(false);
        if (own.cross) byId("aside").textContent = answerAt(own.cross);
      },
    });
    playground.showDemonstrations(byId("demos"));
    dataChoices((name) => change("data", name));
    wire();
    load();
    playground.colours.startTheme(byId("theme"), () => {
      dataChoices();
      drawAll(true);
    });
    page.ready = true;
  }

  playground.page = page;
  main();
})((globalThis.playground ??= {}));
