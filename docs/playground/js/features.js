"use strict";
// What the network is given of a point: its coordinates, and what can be computed of them.
(function (playground) {
  /** key: {label, of(x₁, x₂), the same in Python}.  The key is also the word in the link. */
  const features = {
    x1: { label: "x₁", of: (x1) => x1, python: "x1" },
    x2: { label: "x₂", of: (x1, x2) => x2, python: "x2" },
    x1x1: { label: "x₁²", of: (x1) => x1 * x1, python: "x1**2" },
    x2x2: { label: "x₂²", of: (x1, x2) => x2 * x2, python: "x2**2" },
    x1x2: { label: "x₁x₂", of: (x1, x2) => x1 * x2, python: "x1 * x2" },
    sin1: { label: "sin x₁", of: (x1) => Math.sin(x1), python: "np.sin(x1)" },
    sin2: { label: "sin x₂", of: (x1, x2) => Math.sin(x2), python: "np.sin(x2)" },
  };

  /** The chosen features of points of the plane, row after row. */
  function featuresOf(chosen, x) {
    const out = new Float64Array((x.length / 2) * chosen.length);
    for (let i = 0; 2 * i < x.length; i++) {
      chosen.forEach((key, j) => {
        out[i * chosen.length + j] = features[key].of(x[2 * i], x[2 * i + 1]);
      });
    }
    return out;
  }

  Object.assign(playground, { features, featuresOf });
})((globalThis.playground ??= {}));
