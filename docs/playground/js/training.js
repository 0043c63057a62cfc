"use strict";
// One training: θ, the optimizer's memory, the order of the rows, and the step θ ← θ − Δ(∇L).  (T1)
(function (playground) {
  const { derive, permutation } = playground.randomness;
  const { layoutOf, initialTheta, forward, backward } = playground.network;

  const { optionsOf } = playground.settings;
  const { featuresOf } = playground;

  const norm = (vector) => Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));

  /** (x − mean)/std of each of k features, learned from the n training rows; or nothing. */
  function learnScaling(kind, x, n, k) {
    const scaling = { shift: Array(k).fill(0), factor: Array(k).fill(1) };
    if (kind === "none" || !n) return scaling;
    for (let j = 0; j < k; j++) {
      const column = Array.from({ length: n }, (_, i) => x[k * i + j]);
      const mean = column.reduce((sum, v) => sum + v, 0) / n;
      const spread = Math.sqrt(column.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
      scaling.shift[j] = mean;
      if (spread > 1e-12 * Math.abs(mean)) scaling.factor[j] = 1 / spread;
    }
    return scaling;
  }

  class Training {
    /**
     * settings: as `settings.js` has them.
     * train, validation: {x: Float64Array (2n), y: Array of n classes or numbers, n}.
     * outputs: how many classes there are; of numbers one.
     */
    constructor(settings, train, validation, outputs) {
      Object.assign(this, { settings, outputs, loss: playground.lossOf(outputs) });
      this.rule = playground.optimizers[settings.optimizer];
      this.schedule = playground.schedules[settings.schedule];
      // One schedule begins with a warm-up of its own, and of two the rate would rise as a square.
      this.warmup = "warmup" in this.schedule.options ? 0 : settings.warmup;
      this.layout = layoutOf([settings.features.length, ...settings.hidden, outputs]);
      const { features, scaling } = settings;
      this.scaling = learnScaling(scaling, featuresOf(features, train.x), train.n, features.length);
      this.train = { ...train, x: this.inputs(train.x) };
      this.validation = { ...validation, x: this.inputs(validation.x) };
      this.stepsPerEpoch = Math.ceil(train.n / settings.batch);
      this.total = settings.epochs * this.stepsPerEpoch;
      const { initializer, seed, dropout } = settings;
      this.theta = initialTheta(this.layout, initializer, seed, dropout);
      this.state = Array.from({ length: this.rule.slots }, () => new Float64Array(this.layout.size));
      this.t = 0; // steps taken
      this.order = [];
      this.diverged = false;
    }

    /** What the network is given of points of the plane. */
    inputs(x) {
      const { shift, factor } = this.scaling;
      const k = shift.length;
      return featuresOf(this.settings.features, x).map((v, i) => (v - shift[i % k]) * factor[i % k]);
    }

    get epoch() {
      return this.stepsPerEpoch ? Math.floor(this.t / this.stepsPerEpoch) : 0;
    }

    /** ηₜ = η·s(t − 1), the rate of step t = 1, 2, …; warm-up multiplies.       (R1, S0) */
    rate(t) {
      const { lr } = this.settings;
      const options = optionsOf(this.schedule, this.settings);
      const factor = this.schedule.factor(t - 1, this.total, options);
      return lr * (factor * playground.warmup(t - 1, this.total, this.warmup));
    }

    /** The rows of step t: each epoch takes them all, in an order that is its own. */
    batchOf(t) {
      const epoch = Math.floor((t - 1) / this.stepsPerEpoch) + 1;
      if (this.order.epoch !== epoch) {
        this.order = permutation(derive(this.settings.seed, "order", epoch), this.train.n);
        this.order.epoch = epoch;
      }
      const start = ((t - 1) % this.stepsPerEpoch) * this.settings.batch;
      return this.order.slice(start, start + this.settings.batch);
    }

    /**
     * L and ∇ of some rows; with `step`, of a training step, dropout and clipping included; `bare`
     * leaves out the penalty and clipping.
     */
    gradient(rows, step = null, { bare = false } = {}) {
      const { activation, l2, dropout, clip, seed } = this.settings;
      const { x, y } = this.train;
      const n = rows.length;
      const k = this.layout.sizes[0];
      const batch = Float64Array.from({ length: k * n }, (_, i) => x[k * rows[Math.floor(i / k)] + (i % k)]);
      const noise = step === null ? null : { seed, step, dropout };
      const pass = forward(this.layout, activation, this.theta, batch, n, noise);
      const loss = this.loss.of(rows.map((i) => y[i]), pass.z, n, this.outputs);
      const back = backward(this.layout, activation, this.theta, pass, loss.g);
      let value = loss.value;
      if (l2 && !bare) {
        for (let i = 0; i < this.layout.matrices; i++) { // P = (λ/2)‖W‖², ∂W = λW   (E9)
          value += 0.5 * l2 * this.theta[i] ** 2;
          back.grad[i] += l2 * this.theta[i];
        }
      }
      const length = norm(back.grad);
      if (step !== null && clip && !bare && length > clip) { // ∇ ← ∇·min(1, c/‖∇‖)            (T2)
        for (let i = 0; i < back.grad.length; i++) back.grad[i] *= clip / length;
      }
      return { value, pass, back, length };
    }

    /** W ← W·(1 − ηₜλ), then the rule.  Returns what one step did. */
    step() {
      const t = ++this.t;
      const lr = this.rate(t);
      const before = this.theta.slice();
      const rows = this.batchOf(t);
      const { value, back, length } = this.gradient(rows, t);
      const { weightDecay } = this.settings;
      if (weightDecay) {
        for (let i = 0; i < this.layout.matrices; i++) this.theta[i] *= 1 - lr * weightDecay;
      }
      const options = { ...this.rule.fixed, ...optionsOf(this.rule, this.settings) };
      this.rule.step(this.theta, back.grad, this.state, lr, t, options);
      this.diverged = !Number.isFinite(value) || !this.theta.every(Number.isFinite);
      return { t, lr, value, rows, grad: back.grad, length, sizes: this.sizesOf(before) };
    }

    /** ‖ΔW‖/‖W‖ of each layer's matrix since `before`. */
    sizesOf(before) {
      return this.layout.layers.map(({ W, nIn, nOut }) => {
        const [old, now] = [before, this.theta].map((v) => v.subarray(W, W + nIn * nOut));
        const length = norm(old);
        return length ? norm(now.map((w, i) => w - old[i])) / length : NaN;
      });
    }

    /** The mean loss and its score, the share of right answers or R², without dropout and penalty. */
    evaluate(part) {
      const { x, y, n } = part;
      if (!n) return { loss: NaN, score: NaN };
      const { z } = forward(this.layout, this.settings.activation, this.theta, x, n);
      const { of, scoreOf } = this.loss;
      return { loss: of(y, z, n, this.outputs).value, score: scoreOf(y, z, n, this.outputs) };
    }

    /** The same training at the same step, to look ahead without moving. */
    copy() {
      const twin = Object.assign(Object.create(Training.prototype), this);
      twin.theta = this.theta.slice();
      twin.state = this.state.map((vector) => vector.slice());
      return twin;
    }
  }

  playground.Training = Training;
})((globalThis.playground ??= {}));
