"use strict";
// Update rules, (O1) to (O5), in place on flat vectors: θ and the rule's memory are written.
(function (playground) {
  const EPSILON = 1e-8;
  const C = (4 * 2 ** -1022) / 2 ** -52; // flush: m ← (c + m) − c makes denormals zero        (O7)
  const flush = (m) => C + m - C;

  function average(m, grad, beta) {
    for (let i = 0; i < m.length; i++) m[i] = beta * m[i] + (1 - beta) * grad[i];
  }

  function averageOfSquares(v, grad, beta) {
    for (let i = 0; i < v.length; i++) v[i] = beta * v[i] + (1 - beta) * (grad[i] * grad[i]);
  }

  function flushAll(state) {
    for (const vector of state) for (let i = 0; i < vector.length; i++) vector[i] = flush(vector[i]);
  }

  /** u ← μu + ∇;   θ ← θ − η·u,   or with Nesterov  θ ← θ − η·(∇ + μu)                 (O1) */
  function sgd(theta, grad, [u], lr, t, { momentum = 0, nesterov = false }) {
    for (let i = 0; i < theta.length; i++) {
      u[i] = flush(momentum * u[i] + grad[i]);
      theta[i] -= lr * (nesterov ? momentum * u[i] + grad[i] : u[i]);
    }
  }

  /** v ← ρv + (1 − ρ)∇²;   θ ← θ − η·∇/(√v + ε)                                        (O2) */
  function rmsprop(theta, grad, state, lr, t, { rho }) {
    const [v] = state;
    averageOfSquares(v, grad, rho);
    flushAll(state);
    for (let i = 0; i < theta.length; i++) theta[i] -= lr * (grad[i] / (Math.sqrt(v[i]) + EPSILON));
  }

  /** m̂ = m/(1 − β₁ᵗ);   v̂ = v/(1 − β₂ᵗ);   θ ← θ − η·m̂/(√v̂ + ε)                      (O3) */
  function adam(theta, grad, state, lr, t, { beta1, beta2 }) {
    const [m, v] = state;
    average(m, grad, beta1);
    averageOfSquares(v, grad, beta2);
    flushAll(state);
    const bias1 = 1 - beta1 ** t;
    const bias2 = 1 - beta2 ** t;
    for (let i = 0; i < theta.length; i++) {
      theta[i] -= (lr / bias1) * (m[i] / (Math.sqrt(v[i] / bias2) + EPSILON));
    }
  }

  const products = new Map(); // Πₜ of each β₁, as far as it was needed

  /** (1 − μₜ)/(1 − Πₜ) and μₜ₊₁/(1 − Πₜ₊₁), with Πₜ = μ₁⋯μₜ and μₜ = β₁(1 − ½·0.96^(ψt))  (O6) */
  function nadamFactors(t, beta1, psi = 0.004) {
    const mu = (s) => beta1 * (1 - 0.5 * 0.96 ** (psi * s));
    if (!products.has(beta1)) products.set(beta1, [1]);
    const known = products.get(beta1);
    while (known.length <= t + 1) known.push(known[known.length - 1] * mu(known.length));
    return { now: (1 - mu(t)) / (1 - known[t]), ahead: mu(t + 1) / (1 - known[t + 1]) };
  }

  /** θ ← θ − η·[ (1 − μₜ)/(1 − Πₜ)·∇ + μₜ₊₁/(1 − Πₜ₊₁)·m ]/(√v̂ + ε)                    (O4) */
  function nadam(theta, grad, state, lr, t, { beta1, beta2 }) {
    const [m, v] = state;
    average(m, grad, beta1);
    averageOfSquares(v, grad, beta2);
    flushAll(state);
    const { now, ahead } = nadamFactors(t, beta1);
    const bias2 = 1 - beta2 ** t;
    for (let i = 0; i < theta.length; i++) {
      const along = now * grad[i] + ahead * m[i];
      theta[i] -= lr * (along / (Math.sqrt(v[i] / bias2) + EPSILON));
    }
  }

  /** θ ← θ − η·sign(β₁m + (1 − β₁)∇);   then  m ← β₂m + (1 − β₂)∇                      (O5) */
  function lion(theta, grad, state, lr, t, { beta1, beta2 }) {
    const [m] = state;
    for (let i = 0; i < theta.length; i++) {
      theta[i] -= lr * Math.sign(m[i] + (1 - beta1) * (grad[i] - m[i]));
    }
    average(m, grad, beta2);
    flushAll(state);
  }

  /**
   * What the page offers.  `rule` and `fixed` are the library's name and options; `options` are
   * those that can be changed; `lr` is a rate to begin with.
   */
  playground.optimizers = {
    sgd: { tag: "O1", rule: "sgd", step: sgd, slots: 1, fixed: {}, options: {}, lr: 0.1 },
    momentum: {
      tag: "O1", rule: "sgd", step: sgd, slots: 1, fixed: {}, options: { momentum: 0.9 }, lr: 0.03,
    },
    nesterov: {
      tag: "O1", rule: "sgd", step: sgd, slots: 1, fixed: { nesterov: true },
      options: { momentum: 0.9 }, lr: 0.03,
    },
    rmsprop: {
      tag: "O2", rule: "rmsprop", step: rmsprop, slots: 1, fixed: {}, options: { rho: 0.99 }, lr: 0.01,
    },
    adam: {
      tag: "O3", rule: "adam", step: adam, slots: 2, fixed: {},
      options: { beta1: 0.9, beta2: 0.999 }, lr: 0.01,
    },
    nadam: {
      tag: "O4", rule: "nadam", step: nadam, slots: 2, fixed: {},
      options: { beta1: 0.9, beta2: 0.999 }, lr: 0.01,
    },
    lion: {
      tag: "O5", rule: "lion", step: lion, slots: 1, fixed: {},
      options: { beta1: 0.9, beta2: 0.99 }, lr: 0.003,
    },
  };
  playground.nadamFactors = nadamFactors;
  playground.EPSILON = EPSILON;
})((globalThis.playground ??= {}));
