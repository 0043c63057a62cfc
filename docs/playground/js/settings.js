"use strict";
// All settings, their defaults and ranges, and how they go into a link and come out of it.
(function (playground) {
  const names = (table) => Object.keys(table);
  const number = (value, low, high, more = {}) => ({ kind: "number", value, low, high, ...more });
  const whole = (value, low, high) => ({ kind: "number", value, low, high, whole: true });
  const choice = (value, choices) => ({ kind: "choice", value, choices });
  const set = (value, choices) => ({ kind: "set", value, choices });

  /** key: {kind, default value, range}.  The key is also the word in the link. */
  const fields = {
    data: choice("circles", [...playground.datasets.names, "own"]),
    n: whole(300, 10, 1000),
    noise: number(0.1, 0, 0.5),
    validation: number(0.3, 0, 0.8),
    draw: whole(0, 0, 1e9),
    features: set(["x1", "x2"], names(playground.features)),
    hidden: { kind: "sizes", value: [6, 4], most: 12, layers: 6 },
    activation: choice("tanh", names(playground.activations)),
    initializer: choice("glorot", names(playground.network.initializers)),
    scaling: choice("none", ["none", "feature"]),
    optimizer: choice("adam", names(playground.optimizers)),
    lr: number(0.01, 0, 100),
    momentum: number(null, 0, 0.9999),
    rho: number(null, 0, 0.99999),
    beta1: number(null, 0, 0.9999),
    beta2: number(null, 0, 0.99999),
    schedule: choice("constant", names(playground.schedules)),
    decay: number(null, 0, 1),
    every: number(null, 0.01, 1e6),
    factor: number(null, 0.001, 1),
    end: number(null, 0, 1),
    peak: number(null, 0.01, 1e6),
    start: number(null, 0, 1),
    warmup: number(0, 0, 1e6),
    epochs: whole(100, 1, 10000),
    batch: whole(16, 1, 1000),
    weightDecay: number(0, 0, 10),
    l2: number(0, 0, 10),
    dropout: number(0, 0, 0.9),
    clip: number(0, 0, 1e6),
    seed: whole(0, 0, 1e9),
  };

  /** The options of an optimizer or a schedule: those that are set, and else its own. */
  const optionsOf = (offer, settings) =>
    Object.fromEntries(Object.entries(offer.options).map(([key, own]) => [key, settings[key] ?? own]));

  const defaults = () =>
    Object.fromEntries(Object.entries(fields).map(([key, field]) => [key, structuredClone(field.value)]));

  /** The value that a field takes from a text, or undefined where the text is none. */
  function read(key, text) {
    const field = fields[key];
    if (field.kind === "choice") return field.choices.includes(text) ? text : undefined;
    if (field.kind === "set") {
      const words = String(text).split("-");
      if (!words.every((word) => field.choices.includes(word))) return undefined;
      return field.choices.filter((word) => words.includes(word));
    }
    if (field.kind === "sizes") {
      const sizes = text === "none" ? [] : String(text).split(/[\s,-]+/).filter(Boolean).map(Number);
      const fits = sizes.every((s) => Number.isInteger(s) && s >= 1 && s <= field.most);
      return fits && sizes.length <= field.layers ? sizes : undefined;
    }
    const value = String(text).trim() === "" ? NaN : Number(text);
    const fits = value >= field.low && value <= field.high && (!field.whole || Number.isInteger(value));
    return fits ? value : undefined;
  }

  /** What a field takes, in words. */
  function wanted(key) {
    const field = fields[key];
    if (field.kind === "set") return `one or more of ${field.choices.join(", ")}`;
    if (field.kind === "choice") return `one of ${field.choices.join(", ")}`;
    if (field.kind === "sizes") {
      return `up to ${field.layers} numbers from 1 to ${field.most}, such as 8, 8, or “none”`;
    }
    return `a ${field.whole ? "whole " : ""}number from ${field.low} to ${field.high}`;
  }

  /** data=spirals&hidden=8-8&…: what differs from the defaults, the step, what is followed, own points. */
  function toFragment(settings, t, own, { sample, weight }) {
    const plain = defaults();
    const parts = Object.keys(fields)
      .filter((key) => String(settings[key]) !== String(plain[key]))
      .map((key) => `${key}=${Array.isArray(settings[key]) ? settings[key].join("-") || "none" : settings[key]}`);
    if (t) parts.push(`t=${t}`);
    if (sample) parts.push(`point=${sample + 1}`);
    if (weight.some(Boolean)) parts.push(`weight=${weight.map((i) => i + 1).join("-")}`);
    if (settings.data === "own") parts.push(`points=${playground.points.pack(own) ?? ""}`);
    return parts.join("&");
  }

  /** What a link can follow: of how many numbers it is, and what it is in words. */
  const followed = { point: [1, "a whole number from 1"], weight: [3, "layer, from and to, such as 2-1-3"] };

  /** Places, from 0; a link counts them from 1. */
  function placesIn(text, many) {
    const places = text.split("-").map((word) => Number(word) - 1);
    return places.length === many && places.every((i) => Number.isInteger(i) && i >= 0) ? places : null;
  }

  /** The settings and the rest of a link: words that are not known and values out of range are named. */
  function fromFragment(fragment) {
    const found = { settings: defaults(), t: 0, own: playground.points.empty(), problems: [] };
    Object.assign(found, { sample: 0, weight: [0, 0, 0] });
    for (const part of fragment.replace(/^#/, "").split("&").filter(Boolean)) {
      const [key, text = ""] = part.split("=").map(decoded);
      if (key === "points") found.own = playground.points.unpack(text);
      else if (key === "t") found.t = Math.min(Math.max(Math.floor(Number(text)) || 0, 0), 50000);
      else if (Object.hasOwn(followed, key)) {
        const [many, words] = followed[key];
        const places = placesIn(text, many);
        if (!places) found.problems.push(`The link's ${key}=${text} is not ${words}.`);
        else if (key === "point") [found.sample] = places;
        else found.weight = places;
      } else if (!Object.hasOwn(fields, key)) found.problems.push(`The link's word ${key} is not known here.`);
      else {
        const value = read(key, text);
        if (value === undefined) found.problems.push(`The link's ${key}=${text} is not ${wanted(key)}.`);
        else found.settings[key] = value;
      }
    }
    return found;
  }

  function decoded(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }

  playground.settings = { fields, defaults, optionsOf, read, wanted, toFragment, fromFragment };
})((globalThis.playground ??= {}));
