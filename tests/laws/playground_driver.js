"use strict";
// What the tests ask of the playground's own functions: many trainings in one call.
function trainingOf({ settings }) {
  const all = { ...playground.settings.defaults(), ...settings };
  const points = playground.datasets.draw(all.data, all.n, all.noise, all.draw);
  const { train, validation } = playground.datasets.split(points, all.validation, all.draw);
  return new playground.Training(all, train, validation, points.outputs);
}

const numbers = (vector) => Array.from(vector);

const errands = {
  /** θ at the beginning and after each step, with the rows of each batch. */
  train(job) {
    const training = trainingOf(job);
    const found = { initial: numbers(training.theta), rows: [], values: [], rates: [], sizes: [] };
    for (let t = 0; t < job.steps; t++) {
      const done = training.step();
      found.rows.push(done.rows);
      found.values.push(done.value);
      found.rates.push(done.lr);
      found.sizes.push(done.sizes);
    }
    const [at, held] = [training.train, training.validation].map((part) => training.evaluate(part));
    return {
      ...found, theta: numbers(training.theta), train: at, validation: held, total: training.total,
      outputs: training.outputs,
    };
  },
  /** L and ∇ of some rows at the initial weights, with every value on the way. */
  gradient(job) {
    const training = trainingOf(job);
    const { value, pass, back } = training.gradient(job.rows, job.step ?? null);
    return {
      value, gradient: numbers(back.grad), theta: numbers(training.theta), z: numbers(pass.z),
      h: pass.h.map(numbers), a: pass.a.map(numbers), dz: numbers(back.dz), dx: numbers(back.dx),
      dh: back.dh.map(numbers), da: back.da.map(numbers), outputs: training.outputs,
    };
  },
  /** The panels of one point and one weight after some steps: numbers by key. */
  panels({ settings, steps, point, label, weight }) {
    const training = trainingOf({ settings });
    for (let t = 0; t < steps; t++) training.step();
    const byKey = (lines) => Object.fromEntries(lines.filter(({ values }) => values !== undefined).map(
      ({ key, values }) => [key, typeof values === "number" ? values : numbers(values)]));
    const { forwards, backwards } = playground.derivation.linesOf(training, point, label, ["a", "b"]);
    const { gradient, rate, move } = playground.update.linesOf(training, ...weight);
    return {
      derivation: byKey([...forwards, ...backwards]), update: byKey([...gradient, ...rate, ...move]),
      tags: [...forwards, ...backwards, ...gradient, ...rate, ...move].flatMap(({ tags = [] }) => tags),
      theta: numbers(training.theta), untouched: training.t === steps,
    };
  },
  /** The program of a training, its file of points, and where the page ends. */
  program({ settings }) {
    const all = { ...playground.settings.defaults(), ...settings };
    const points = playground.datasets.draw(all.data, all.n, all.noise, all.draw);
    const training = trainingOf({ settings });
    while (training.t < training.total) training.step();
    return {
      program: playground.python.programOf(training),
      csv: playground.points.toCsv(points, training.validation.rows),
      train: training.evaluate(training.train), validation: training.evaluate(training.validation),
    };
  },
  /** A text read as CSV: the points, or the sentence that says why not. */
  csv({ text }) {
    try {
      const points = playground.points.parse(text);
      const back = playground.points.unpack(playground.points.pack(points) ?? "");
      return { x: numbers(points.x), y: points.y, names: points.names, back: numbers(back.x) };
    } catch (error) {
      return { error: error.message };
    }
  },
  /** A link's words, read and written again. */
  link({ fragment }) {
    const { settings, t, own, sample, weight, problems } = playground.settings.fromFragment(fragment);
    const again = playground.settings.toFragment(settings, t, own, { sample, weight });
    return { settings, t, problems, sample, weight, again, n: own.n };
  },
  /** The points of a data set and how they are shared out. */
  points({ settings }) {
    const training = trainingOf({ settings });
    return { x: numbers(training.train.x), y: training.train.y, held: training.validation.rows };
  },
  /** An activation and its derivative at some points. */
  activation({ name, at }) {
    const { f, df } = playground.activations[name];
    return { f: at.map(f), df: at.map((a) => df(a, f(a))) };
  },
  /** What is offered. */
  offered() {
    const { fields } = playground.settings;
    const choices = (key) => fields[key].choices;
    const optimizers = Object.fromEntries(Object.entries(playground.optimizers).map(
      ([name, { rule, fixed, options }]) => [name, { rule, fixed, options }]));
    const schedules = Object.fromEntries(
      Object.entries(playground.schedules).map(([name, { options }]) => [name, options]));
    return {
      optimizers, schedules, activations: choices("activation"), initializers: choices("initializer"),
      data: choices("data"),
    };
  },
};

function drive(jobs) {
  return jobs.map((job) => errands[job.errand](job));
}
