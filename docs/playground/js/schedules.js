"use strict";
// Schedules, (S1) to (S8): factors of the learning rate after `done` of `total` steps.  A length
// below 1 is a fraction of all steps, from 1 on it counts steps.
(function (playground) {
  const steps = (length, total) => (length < 1 ? length * total : length);
  const straight = (done, total) => Math.min(done / total, 1);
  const halfCosine = (way) => 0.5 * (1 + Math.cos(Math.PI * way));

  /** name: {tag, formula, options (with their defaults here), factor(done, total, options)} */
  playground.schedules = {
    constant: { tag: "S1", formula: "1", options: {}, factor: () => 1 },
    exponential: {
      tag: "S2", formula: "e^(−k·t)", options: { decay: 0.002 },
      factor: (done, total, { decay }) => Math.exp(-decay * done),
    },
    step: {
      tag: "S3", formula: "f^⌊t/every⌋", options: { every: 0.34, factor: 0.3 },
      factor: (done, total, { every, factor }) =>
        factor ** Math.floor(done / Math.max(steps(every, total), 1)),
    },
    linear: {
      tag: "S4", formula: "1 − (1 − end)·t/T", options: { end: 0 },
      factor: (done, total, { end }) => 1 - (1 - end) * straight(done, total),
    },
    cosine: {
      tag: "S5", formula: "end + (1 − end)·(1 + cos(πt/T))/2", options: { end: 0 },
      factor: (done, total, { end }) => end + (1 - end) * halfCosine(straight(done, total)),
    },
    one_cycle: {
      tag: "S7", formula: "up from `start` to 1 at t = peak·T, then down to `end`, half cosines",
      options: { peak: 0.3, start: 0.04 },
      factor: (done, total, { peak, start }) => {
        const top = Math.max(steps(peak, total), 1);
        const falling = done < total ? (done - top) / (total - top) : 1;
        const [low, way] = done < top ? [start, 1 - done / top] : [4e-6, falling];
        return low + (1 - low) * halfCosine(way);
      },
    },
    warmup_stable_decay: {
      tag: "S8", formula: "up, then 1, then down over the last `decay` of the run",
      options: { warmup: 0.05, decay: 0.2 },
      factor: (done, total, { warmup, decay }) => {
        const rise = Math.min((done + 1) / Math.max(steps(warmup, total), 1), 1);
        const fall = Math.min((total - done) / Math.max(steps(decay, total), 1), 1);
        return rise * Math.max(fall, 0);
      },
    },
  };

  /** s = min((t + 1)/length, 1), which multiplies any of them.                        (S6) */
  playground.warmup = (done, total, length) =>
    length ? Math.min((done + 1) / Math.max(steps(length, total), 1), 1) : 1;
})((globalThis.playground ??= {}));
