"use strict";
// The settings as a form: one control for each field, made from its kind and range.
(function (playground) {
  const { fields, read, wanted } = playground.settings;
  const { element, tagLink } = playground.formulas;

  // key: [label, what it is, step of the arrows].  Fields with an output are sliders.
  const words = {
    n: ["Points", "How many points there are", 10],
    noise: ["Noise", "How far points lie from where they belong", 0.01],
    validation: ["Held out", "The share of points that is not trained on, drawn hollow: the validation loss is theirs", 0.05],
    scaling: ["Scaling", "Whether each input is brought to mean 0 and standard deviation 1: “feature” does it"],
    features: ["Inputs", "What the network is given of a point"],
    hidden: ["Hidden layers", "Units of each hidden layer, such as 8, 8; “none” for a linear model"],
    activation: ["Activation f", "What bends: each unit's h is f of its a"],
    initializer: ["First weights", "What the weights are drawn from; biases begin at 0"],
    seed: ["Seed", "The first weights, the batches and dropout are functions of it", 1],
    optimizer: ["Optimizer", "The rule that makes a step of a gradient"],
    lr: ["Rate η", "How far a step goes", 0.001],
    momentum: ["μ", "How much of the last direction a step keeps", 0.01],
    rho: ["ρ", "How long the mean square of the gradient remembers", 0.01],
    beta1: ["β₁", "How long the mean of the gradient remembers", 0.01],
    beta2: ["β₂", "How long the mean square of the gradient remembers (in Lion, its mean)", 0.001],
    schedule: ["Schedule s(t)", "How the rate changes from step to step"],
    decay: ["decay", "k in e^(−k·t); of warmup_stable_decay the last part of the run, in which the rate falls", 0.001],
    every: ["every", "Length of a stair: below 1 a share of all steps, from 1 on in steps", 0.01],
    factor: ["factor", "What each stair multiplies the rate by", 0.05],
    end: ["end", "The factor at the end", 0.05],
    peak: ["peak", "When the rate is highest, as a share of all steps", 0.05],
    start: ["start", "The factor at the beginning", 0.01],
    warmup: ["Warm-up", "So many steps the rate takes to rise from almost nothing (below 1: a share of all); it multiplies the schedule", 5],
    batch: ["Batch", "How many points make one step", 1],
    epochs: ["Epochs", "How long the run is planned: schedules end there", 10],
    weightDecay: ["weight_decay", "λ of the decoupled decay W ← W(1 − ηλ)", 0.01],
    l2: ["l2", "λ of the penalty (λ/2)‖W‖² in the loss", 0.001],
    dropout: ["dropout", "The share of hidden units left out in each step", 0.05],
    clip: ["clip ‖∇‖", "The greatest length of the gradient; 0: no limit", 0.5],
  };
  const fixedTags = { lr: "S0", warmup: "S6", weightDecay: "R1", l2: "E9", dropout: "L3", clip: "T2" };
  const tables = () => ({
    activation: playground.activations, initializer: playground.network.initializers,
    optimizer: playground.optimizers, schedule: playground.schedules,
  });
  const sliders = ["n", "noise", "validation"];
  const groups = {
    "form-data": ["n", "noise", "validation", "scaling"],
    "form-network": ["features", "hidden", "activation", "initializer"],
    "form-learning": [
      "optimizer", "lr", "momentum", "rho", "beta1", "beta2", "schedule", "decay", "every", "factor",
      "end", "peak", "start", "warmup", "batch", "epochs", "seed",
    ],
    "form-decay": ["weightDecay", "l2", "dropout", "clip"],
  };

  class Form {
    /** change(key, value) hears what the reader chooses; complain(text) what cannot be. */
    constructor(change, complain) {
      Object.assign(this, { change, complain, controls: {}, sets: {}, rows: {}, tags: {}, outputs: {} });
      for (const [id, keys] of Object.entries(groups)) {
        document.getElementById(id).append(...keys.map((key) => this.row(key)));
      }
    }

    /** A box to tick for each choice of a set. */
    boxes(key) {
      const [label, title] = words[key];
      const name = element("span", { id: `f-${key}` }, label);
      const row = element("div", { class: "row boxes", title, role: "group", "aria-labelledby": name.id }, name);
      const boxes = fields[key].choices.map((choice) => element("input", { type: "checkbox", value: choice }));
      for (const box of boxes) {
        box.addEventListener("change", () => {
          const chosen = boxes.filter((one) => one.checked).map((one) => one.value);
          if (!chosen.length) box.checked = true;
          this.take(key, chosen.join("-") || box.value);
        });
        row.append(element("label", {}, box, ` ${playground.features[box.value].label}`));
      }
      this.sets[key] = boxes;
      this.rows[key] = row;
      return row;
    }

    row(key) {
      const [label, title, step] = words[key];
      const field = fields[key];
      if (field.kind === "set") return this.boxes(key);
      const control = field.kind === "choice" ? element("select") : element("input");
      control.id = `f-${key}`;
      if (field.kind === "choice") {
        control.append(...field.choices.map((name) => element("option", { value: name }, name)));
      } else if (field.kind === "number") {
        control.type = sliders.includes(key) ? "range" : "number";
        control.min = field.low;
        control.max = field.high;
        control.step = control.type === "range" ? step : "any";
        if (control.type === "number") control.inputMode = "decimal";
      }
      if (control.type === "number") control.addEventListener("keydown", (event) => arrows(event, step));
      control.addEventListener("change", () => this.take(key, control.value));
      const name = element("label", { for: control.id, title }, label);
      this.tags[key] = element("span", { class: "tags" });
      if (fixedTags[key]) this.tags[key].append(tagLink(fixedTags[key]));
      const row = element("div", { class: "row", title }, name, control, this.tags[key]);
      if (control.type === "range") {
        this.outputs[key] = element("output", { for: control.id });
        this.tags[key].append(this.outputs[key]);
        control.addEventListener("input", () => { this.outputs[key].textContent = control.value; });
      }
      this.controls[key] = control;
      this.rows[key] = row;
      return row;
    }

    take(key, text) {
      const value = read(key, text);
      this.controls[key]?.setAttribute("aria-invalid", String(value === undefined));
      if (value === undefined) this.complain(`${words[key][0]} must be ${wanted(key)}.`);
      else this.change(key, value);
    }

    /** Show these settings, and only the options that their optimizer and schedule have. */
    show(settings) {
      const offers = [playground.optimizers[settings.optimizer], playground.schedules[settings.schedule]];
      const options = Object.assign({}, ...offers.map((offer) => offer.options));
      for (const [key, boxes] of Object.entries(this.sets)) {
        for (const box of boxes) box.checked = settings[key].includes(box.value);
      }
      for (const [key, control] of Object.entries(this.controls)) {
        const value = settings[key] ?? options[key];
        const isOption = fields[key].value === null;
        this.rows[key].hidden = isOption && !(key in options);
        if (value === undefined) continue;
        control.value = Array.isArray(value) ? value.join(", ") || "none" : value;
        control.setAttribute("aria-invalid", "false");
        if (key === "hidden") control.size = Math.max(6, control.value.length);
        if (this.outputs[key]) this.outputs[key].textContent = value;
        const offer = tables()[key]?.[value];
        if (offer) {
          this.tags[key].replaceChildren(tagLink(offer.tag));
          if (offer.formula) this.rows[key].title = `${words[key][1]}. ${value}: ${offer.formula}`;
        }
      }
      for (const key of ["n", "noise"]) this.rows[key].hidden = settings.data === "own";
    }
  }

  /** The arrows move by a step, to whole multiples of it. */
  function arrows(event, step) {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!by || event.altKey) return;
    event.preventDefault();
    const control = event.target;
    const now = Number(control.value);
    // A tenth of what is there, where a whole step would be too much
    const unit = now > 0 && now < 2 * step && !Number.isInteger(step) ? 10 ** Math.floor(Math.log10(now) - 0.31) : step;
    const next = Math.round(now / unit + by) * unit;
    control.value = Number(Math.min(Math.max(next, control.min), control.max).toPrecision(6));
    control.dispatchEvent(new Event("change"));
  }

  playground.Form = Form;
})((globalThis.playground ??= {}));
