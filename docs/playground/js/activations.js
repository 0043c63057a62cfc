"use strict";
// Activations, (A1) to (A11): f and its derivative as a function of a and of h = f(a), which is
// nearly what each pullback of deltarule's mathematics/activations.py multiplies g by.
(function (playground) {
  const SELU_SCALE = 1.0507009873554805;
  const SELU_ALPHA = 1.6732632423543772;

  function sigmoid(x) {
    const e = Math.exp(-Math.abs(x)); // (A12)
    return (x < 0 ? e : 1) / (1 + e);
  }

  function softplus(x) {
    return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))); // (A13)
  }

  /**
   * erfc x = 1 − erf x.  Near 0 by erf x = 2/√π·e^(−x²)·Σ 2ⁿx²ⁿ⁺¹/(2n+1)!!, all of one sign, and
   * far out by the continued fraction e^(−x²)/√π·1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))).
   * Abramowitz and Stegun 1964, 7.1.6 and 7.1.14.
   */
  function erfc(x) {
    if (x < 0) return 2 - erfc(-x);
    if (x > 27.5) return 0; // below the least number
    if (x < 2) {
      let term = x;
      let sum = x;
      for (let n = 1; term > 1e-17 * sum; n++) {
        term *= (2 * x * x) / (2 * n + 1);
        sum += term;
      }
      return 1 - (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
    }
    let fraction = x;
    for (let n = Math.ceil(20 + 300 / (x * x)); n > 0; n--) fraction = x + n / 2 / fraction;
    return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
  }

  const normalCdf = (x) => 0.5 * erfc(-x * Math.SQRT1_2);
  const normalDensity = (x) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

  const elu = (x) => (x > 0 ? x : Math.expm1(x));

  /** name: {tag, formula, slope (both as text), f(a), df(a, h)}, in the order of the book. */
  playground.activations = {
    identity: { tag: "A1", formula: "a", slope: "1", f: (a) => a, df: () => 1 },
    relu: {
      tag: "A2", formula: "max(a, 0)", slope: "[a > 0]",
      f: (a) => (a > 0 ? a : 0), df: (a) => (a > 0 ? 1 : 0),
    },
    leaky_relu: {
      tag: "A3", formula: "a if a > 0, else 0.01·a", slope: "1 if a > 0, else 0.01",
      f: (a) => (a > 0 ? a : 0.01 * a), df: (a) => (a > 0 ? 1 : 0.01),
    },
    elu: {
      tag: "A4", formula: "a if a > 0, else eᵃ − 1", slope: "1 if a > 0, else eᵃ",
      f: elu, df: (a) => (a > 0 ? 1 : Math.exp(a)),
    },
    selu: {
      tag: "A5", formula: "λ·elu(a; α)", slope: "λ·elu′(a; α)",
      f: (a) => SELU_SCALE * (a > 0 ? a : SELU_ALPHA * Math.expm1(a)),
      df: (a) => SELU_SCALE * (a > 0 ? 1 : SELU_ALPHA * Math.exp(a)),
    },
    gelu: {
      tag: "A6", formula: "a·Φ(a)", slope: "Φ(a) + a·φ(a)",
      f: (a) => a * normalCdf(a), df: (a) => normalCdf(a) + a * normalDensity(a),
    },
    silu: {
      tag: "A7", formula: "a·σ(a)", slope: "σ(a)·(1 + a·(1 − σ(a)))",
      f: (a) => a * sigmoid(a),
      df: (a) => sigmoid(a) * (1 + a * (1 - sigmoid(a))),
    },
    mish: {
      tag: "A8", formula: "a·τ, τ = tanh(log(1 + eᵃ))", slope: "τ + a·(1 − τ²)·σ(a)",
      f: (a) => a * Math.tanh(softplus(a)),
      df: (a) => {
        const t = Math.tanh(softplus(a));
        return t + a * ((1 - t * t) * sigmoid(a));
      },
    },
    tanh: { tag: "A9", formula: "tanh a", slope: "1 − h²", f: Math.tanh, df: (a, h) => 1 - h * h },
    sigmoid: {
      tag: "A10", formula: "1/(1 + e⁻ᵃ)", slope: "h·(1 − h)",
      f: sigmoid, df: (a, h) => h * (1 - h),
    },
    softplus: { tag: "A11", formula: "log(1 + eᵃ)", slope: "σ(a)", f: softplus, df: sigmoid },
  };
})((globalThis.playground ??= {}));
