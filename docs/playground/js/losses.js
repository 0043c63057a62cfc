"use strict";
// Losses of scores, and the figure beside them: of classes the cross-entropy and the share of right
// answers, of numbers the squared error and R².
(function (playground) {
  /** p = softmax(z), each row shifted by its largest score.                           (E1) */
  function softmax(z, n, k) {
    const p = new Float64Array(n * k);
    for (let i = 0; i < n; i++) {
      const row = z.subarray(i * k, (i + 1) * k);
      const top = Math.max(...row);
      let sum = 0;
      for (let j = 0; j < k; j++) sum += p[i * k + j] = Math.exp(row[j] - top);
      for (let j = 0; j < k; j++) p[i * k + j] /= sum;
    }
    return p;
  }

  /**
   * ℓ = −log p_y   ⇒   ∂ℓ/∂z = p − q, and the mean over n rows.                        (E2)
   * p and q are formed without the class of the target, so that no digits are lost where the
   * network is all but certain.
   */
  function crossEntropy(y, z, n, k) {
    const g = new Float64Array(n * k);
    let value = 0;
    for (let i = 0; i < n; i++) {
      const label = y[i];
      let top = -Infinity;
      for (let j = 0; j < k; j++) top = Math.max(top, z[i * k + j]);
      let others = 0;
      for (let j = 0; j < k; j++) {
        g[i * k + j] = Math.exp(z[i * k + j] - top);
        if (j !== label) others += g[i * k + j];
      }
      const own = g[i * k + label];
      value += (top - z[i * k + label] + Math.log1p(others + (own - 1))) / n;
      let rest = 0;
      for (let j = 0; j < k; j++) {
        if (j === label) continue;
        const p = g[i * k + j] / (others + own);
        rest += p;
        g[i * k + j] = p / n;
      }
      g[i * k + label] = -rest / n; // p − 1
    }
    return { value, g };
  }

  /** ℓ = (z − y)²   ⇒   ∂ℓ/∂z = 2(z − y), and the mean over n rows of one score each.   (E4) */
  function squaredError(y, z, n) {
    const g = new Float64Array(n);
    let value = 0;
    for (let i = 0; i < n; i++) {
      const residual = z[i] - y[i];
      value += (residual * residual) / n;
      g[i] = (2 * residual) / n;
    }
    return { value, g };
  }

  /** The share of rows whose class has the highest score. */
  function accuracy(y, z, n, k) {
    let right = 0;
    for (let i = 0; i < n; i++) {
      const row = z.subarray(i * k, (i + 1) * k);
      right += row.indexOf(Math.max(...row)) === y[i];
    }
    return right / n;
  }

  /** R² = 1 − Σ(y − z)²/Σ(y − ȳ)²                                                        (M4) */
  function r2(y, z, n) {
    const mean = y.reduce((sum, v) => sum + v, 0) / n;
    const spread = y.reduce((sum, v) => sum + (v - mean) ** 2, 0);
    return 1 - y.reduce((sum, v, i) => sum + (v - z[i]) ** 2, 0) / spread;
  }

  /** One output is a number to be met; more are the scores of classes. */
  const lossOf = (outputs) => playground.losses[outputs === 1 ? "squared_error" : "cross_entropy"];

  playground.losses = {
    cross_entropy: { tag: "E2", of: crossEntropy, score: "right", scoreOf: accuracy },
    squared_error: { tag: "E4", of: squaredError, score: "R²", scoreOf: r2 },
  };
  Object.assign(playground, { lossOf, softmax });
})((globalThis.playground ??= {}));
