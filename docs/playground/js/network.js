"use strict";
// The network over one flat vector θ, matrices first, as deltarule lays it out; forward and
// backward.  Rows are samples: arrays are flat, row after row.
(function (playground) {
  const { derive, uniforms, normals, keep } = playground.randomness;

  /** Where each W and b lies in θ, of the sizes [2, 8, 8, 2]. */
  function layoutOf(sizes) {
    const layers = sizes.slice(1).map((nOut, l) => ({ nIn: sizes[l], nOut }));
    let size = 0;
    for (const layer of layers) {
      layer.W = size;
      size += layer.nIn * layer.nOut;
    }
    const matrices = size;
    for (const layer of layers) {
      layer.b = size;
      size += layer.nOut;
    }
    return { sizes, layers, matrices, size };
  }

  function normalWeights(key, n, variance) {
    return normals(key, n).map((w) => w * Math.sqrt(variance));
  }

  const initializers = {
    he: { tag: "I1", formula: "N(0, 2/n_in)", draw: (key, n, m) => normalWeights(key, n * m, 2 / n) },
    glorot: {
      tag: "I2", formula: "U(−a, a), a = √(6/(n_in + n_out))",
      draw: (key, n, m) => uniforms(key, n * m).map((u) => (2 * u - 1) * Math.sqrt(6 / (n + m))),
    },
    lecun: { tag: "I3", formula: "N(0, 1/n_in)", draw: (key, n, m) => normalWeights(key, n * m, 1 / n) },
    zeros: { tag: "I5", formula: "0", draw: (key, n, m) => new Float64Array(n * m) },
  };

  /** How many layers of the library's chain come before dense layer l: its keys count them all. */
  const placeOf = (l, dropout) => l * (dropout ? 3 : 2);

  function initialTheta(layout, name, seed, dropout) {
    const theta = new Float64Array(layout.size);
    layout.layers.forEach((layer, l) => {
      const key = derive(seed, "weights", placeOf(l, dropout));
      theta.set(initializers[name].draw(key, layer.nIn, layer.nOut), layer.W);
    });
    return theta;
  }

  /** y = xW + b                                                                        (L1) */
  function dense(layer, theta, x, n) {
    const { nIn, nOut, W, b } = layer;
    const y = new Float64Array(n * nOut);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < nOut; j++) {
        let sum = 0;
        for (let k = 0; k < nIn; k++) sum += x[i * nIn + k] * theta[W + k * nOut + j];
        y[i * nOut + j] = sum + theta[b + j];
      }
    }
    return y;
  }

  /**
   * All of a forward pass of n rows: the input h[0], each a[l] and h[l], and the scores z.
   * `noise` {seed, step, dropout} means a training step.
   */
  function forward(layout, activation, theta, x, n, noise = null) {
    const { f } = playground.activations[activation];
    const last = layout.layers.length - 1;
    const pass = { n, h: [x], a: [], kept: [], z: null };
    layout.layers.forEach((layer, l) => {
      const a = dense(layer, theta, pass.h[l], n);
      if (l === last) {
        pass.z = a;
        return;
      }
      const h = a.map(f);
      pass.a.push(a);
      let kept = null;
      if (noise && noise.dropout) {
        const key = derive(noise.seed, "dropout", noise.step, placeOf(l, true) + 2);
        kept = keep(key, n, layer.nOut, noise.dropout).map((k) => k / (1 - noise.dropout));
        for (let i = 0; i < h.length; i++) h[i] *= kept[i]; // (L3)
      }
      pass.kept.push(kept);
      pass.h.push(h);
    });
    return pass;
  }

  /**
   * ∂W = xᵀg, ∂b = 1ᵀg, ∂x = gWᵀ (L1) and ∂a = ∂h·f′(a) (A0), from the last layer to the first (C1).
   * Returns the flat gradient and, by layer, what arrived: dz, dh[l] and da[l].
   */
  function backward(layout, activation, theta, pass, g) {
    const { df } = playground.activations[activation];
    const grad = new Float64Array(layout.size);
    const back = { grad, dz: g, dh: [], da: [] };
    for (let l = layout.layers.length - 1; l >= 0; l--) {
      const { nIn, nOut, W, b } = layout.layers[l];
      const x = pass.h[l];
      const below = new Float64Array(pass.n * nIn);
      for (let i = 0; i < pass.n; i++) {
        for (let j = 0; j < nOut; j++) {
          const gij = g[i * nOut + j];
          grad[b + j] += gij;
          for (let k = 0; k < nIn; k++) {
            grad[W + k * nOut + j] += x[i * nIn + k] * gij;
            below[i * nIn + k] += gij * theta[W + k * nOut + j];
          }
        }
      }
      if (l === 0) {
        back.dx = below;
        break;
      }
      const a = pass.a[l - 1];
      const kept = pass.kept[l - 1];
      back.dh[l - 1] = below;
      g = new Float64Array(below.length);
      for (let i = 0; i < g.length; i++) {
        const share = kept ? below[i] * kept[i] : below[i];
        g[i] = share * df(a[i], kept ? playground.activations[activation].f(a[i]) : x[i]);
      }
      back.da[l - 1] = g;
    }
    return back;
  }

  playground.network = { layoutOf, initializers, initialTheta, forward, backward };
})((globalThis.playground ??= {}));
