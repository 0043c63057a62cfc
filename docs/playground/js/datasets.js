"use strict";
// The data sets: points of a plane, drawn from a seed and rounded to four decimals, so that a file
// of them holds the very same numbers.
(function (playground) {
  const { derive, uniforms, normals, permutation } = playground.randomness;

  const polar = (radius, angle) => [radius * Math.cos(angle), radius * Math.sin(angle)];

  const square = (u, v) => [4.6 * u - 2.3, 4.6 * v - 2.3];
  const hill = (x1, x2, c1, c2) => Math.exp(-((x1 - c1) ** 2 + (x2 - c2) ** 2) / 1.2);

  // Each: (i, n, u, v) → [x₁, x₂, class] of point i, with u and v uniform in [0, 1).
  const shapes = {
    circles: (i, n, u, v) => [...polar(i % 2 ? 0.9 * Math.sqrt(u) : 1.5 + 0.6 * u, 2 * Math.PI * v), i % 2],
    moons: (i, n, u) => {
      const [x, y] = polar(1.5, Math.PI * u);
      return i % 2 ? [0.75 - x, 0.4 - y, 1] : [x - 0.75, y - 0.4, 0];
    },
    xor: (i, n, u, v) => {
      const [x, y] = [4 * u - 2, 4 * v - 2].map((w) => w + 0.15 * Math.sign(w));
      return [x, y, x * y > 0 ? 1 : 0];
    },
    spirals: (i, n, u) => [...polar(0.2 + 2 * u, 1.75 * 2 * Math.PI * u + (i % 2) * Math.PI), i % 2],
    blobs: (i) => [...polar(1.4, (2 * Math.PI * (i % 3)) / 3 + Math.PI / 2), i % 3],
  };
  const NOISE = { circles: 1, moons: 1, xor: 1, spirals: 0.6, blobs: 2.5 }; // of one scale to the eye

  // Each: what is to be met at x₁, x₂: a number from about −1 to 1.
  const surfaces = {
    slope: (x1, x2) => 0.3 * x1 + 0.15 * x2,
    hills: (x1, x2) => hill(x1, x2, 1, 1) - hill(x1, x2, -1, -1),
    ripples: (x1, x2) => Math.sin(3 * Math.hypot(x1, x2)),
  };

  /** [x₁, x₂, class or number] of point i, with e normal: noise moves a class's point, or a number. */
  function pointOf(name, i, n, u, v, noise, [e1, e2]) {
    if (name in surfaces) {
      const [x1, x2] = square(u, v).map(rounded);
      return [x1, x2, rounded(surfaces[name](x1, x2) + noise * e1)];
    }
    const [x1, x2, label] = shapes[name](i, n, u, v);
    return [rounded(x1 + noise * NOISE[name] * e1), rounded(x2 + noise * NOISE[name] * e2), label];
  }

  const rounded = (v) => Math.round(1e4 * v) / 1e4;

  /** n points of a data set: {x (2n), y, n, outputs}: as many outputs as classes, of numbers one. */
  function draw(name, n, noise, seed) {
    const key = derive(seed, "points", name);
    const [u, v] = [uniforms(key, n), uniforms(derive(key, "second"), n)];
    const e = normals(derive(key, "noise"), 2 * n);
    const x = new Float64Array(2 * n);
    const y = [];
    for (let i = 0; i < n; i++) {
      [x[2 * i], x[2 * i + 1], y[i]] = pointOf(name, i, n, u[i], v[i], noise, e.subarray(2 * i, 2 * i + 2));
    }
    return { x, y, n, outputs: name in surfaces ? 1 : Math.max(...y, 1) + 1 };
  }

  function take(points, rows) {
    const x = Float64Array.from({ length: 2 * rows.length }, (_, i) => points.x[2 * rows[i >> 1] + (i & 1)]);
    return { x, y: rows.map((i) => points.y[i]), n: rows.length, rows };
  }

  /** Some points held out, a function of the seed; the rest, in their order, to train on. */
  function split(points, share, seed) {
    const held = Math.min(Math.round(share * points.n), Math.max(points.n - 1, 0));
    const chosen = new Set(permutation(derive(seed, "validation"), points.n).slice(0, held));
    const all = Array.from({ length: points.n }, (_, i) => i);
    return {
      train: take(points, all.filter((i) => !chosen.has(i))),
      validation: take(points, all.filter((i) => chosen.has(i))),
    };
  }

  /** The part of the plane to show, [[x₁ from, to], [x₂ from, to]]. */
  function frameOf(name, points) {
    if (name !== "own" || !points.n) return [[-2.7, 2.7], [-2.7, 2.7]];
    return [0, 1].map((j) => {
      const values = Array.from({ length: points.n }, (_, i) => points.x[2 * i + j]);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      if (low >= -2.7 && high <= 2.7 && high - low > 0.5) return [-2.7, 2.7];
      const margin = 0.12 * (high - low) || 1;
      return [low - margin, high + margin];
    });
  }

  playground.datasets = { names: Object.keys({ ...shapes, ...surfaces }), draw, split, frameOf };
})((globalThis.playground ??= {}));
