"use strict";
// The program that does the same with the library.
(function (playground) {
  const { optionsOf } = playground.settings;

  /** As Python writes them: True, "text", [1, 2], {"name": …}. */
  function literal(value) {
    if (typeof value === "boolean") return value ? "True" : "False";
    if (Array.isArray(value)) return `[${value.map(literal).join(", ")}]`;
    if (typeof value === "object") {
      return `{${Object.entries(value).map(([key, v]) => `"${key}": ${literal(v)}`).join(", ")}}`;
    }
    return typeof value === "string" ? `"${value}"` : String(value);
  }

  function partOf(name, options) {
    return Object.keys(options).length ? { name, ...options } : name;
  }

  /** Reads points.csv, trains to the end of an epoch, prints the losses. */
  function programOf(training) {
    const { settings: s, rule, schedule, outputs } = training;
    const schedules = [partOf(s.schedule, optionsOf(schedule, s))];
    if (training.warmup) schedules.push({ name: "warmup", length: training.warmup });
    const numbers = outputs === 1;
    const [target, take] = numbers ? ["target", ""] : ["class", ".astype(int)"];
    const plain = String(s.features) === "x1,x2";
    const inputs = plain ? [] : [
      "x1, x2 = rows[:, 0], rows[:, 1]",
      `inputs = np.column_stack([${s.features.map((key) => playground.features[key].python).join(", ")}])`,
    ];
    const taken = (part) => (plain ? `rows[${part}, :2]` : `inputs[${part}]`);
    const network = [
      `[${[s.features.length, ...s.hidden, outputs].join(", ")}]`,
      `activation="${s.activation}"`,
      `initializer="${s.initializer}"`,
      `optimizer=${literal(partOf(rule.rule, { ...rule.fixed, ...optionsOf(rule, s) }))}`,
    ];
    if (numbers) network.push('loss="squared_error"', "standardize_targets=False");
    if (s.schedule !== "constant" || training.warmup) network.push(`schedule=${literal(schedules)}`);
    if (s.weightDecay) network.push(`weight_decay=${s.weightDecay}`);
    if (s.l2) network.push(`l2=${s.l2}`);
    if (s.dropout && s.hidden.length) network.push(`dropout=${s.dropout}`);
    network.push(`scaling="${s.scaling}"`, 'dtype="float64"', `seed=${s.seed}`);
    const held = training.validation.n > 0;
    const arguments_ = [
      "X, y", ...(held ? ["X_val, y_val"] : []), `epochs=${s.epochs}`, `batch_size=${s.batch}`,
      `lr=${s.lr}`, ...(s.clip ? [`clip_norm=${s.clip}`] : []), "restore_best=False",
    ];
    return [
      "import numpy as np",
      "import deltarule as dr",
      "",
      `rows = np.loadtxt("points.csv", delimiter=",", skiprows=1)  # x1, x2, ${target}, validation`,
      "held_out = rows[:, 3] == 1",
      ...inputs,
      `X, y = ${taken("~held_out")}, rows[~held_out, 2]${take}`,
      ...(held ? [`X_val, y_val = ${taken("held_out")}, rows[held_out, 2]${take}`] : []),
      "",
      "net = dr.Network(",
      ...network.map((text) => `    ${text},`),
      ")",
      "net.train(",
      ...arguments_.map((text) => `    ${text},`),
      ")",
      `print("after ${training.total} steps:", net.evaluate(X, y))`,
      ...(held ? ['print("held out:", net.evaluate(X_val, y_val))'] : []),
      "",
    ].join("\n");
  }

  playground.python = { programOf };
})((globalThis.playground ??= {}));
