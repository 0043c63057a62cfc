"use strict";
// Forward and back with one point: every value and gradient, by name, with its formula and tag.
(function (playground) {
  const { forward, backward } = playground.network;
  const { softmax } = playground;
  const { element, line, sub } = playground.formulas;

  /**
   * The lines {key, html, tags, values, columns} of one point as a batch of one, without dropout
   * and penalty.  x: [x₁, x₂] as in the data; y: its class or number.
   */
  function linesOf(training, x, y, classNames) {
    const { layout, theta, settings, outputs } = training;
    const activation = playground.activations[settings.activation];
    const given = training.inputs(x);
    const pass = forward(layout, settings.activation, theta, given, 1);
    const loss = training.loss.of([y], pass.z, 1, outputs);
    const back = backward(layout, settings.activation, theta, pass, loss.g);
    const last = layout.layers.length;
    const plain = String(settings.features) === "x1,x2";
    const inputs = settings.features.map((key) => playground.features[key].label);
    const forwards = [];
    const isScaled = settings.scaling !== "none";
    if (isScaled || !plain) {
      forwards.push({ key: "raw", html: "as in the data", values: x, names: ["x₁", "x₂"] });
    }
    forwards.push({
      key: "x", html: isScaled ? `<i>x</i> = (${plain ? "data" : "features"} − mean)/std` : "<i>x</i>",
      values: given, names: inputs,
    });
    for (let l = 1; l < last; l++) {
      const below = l === 1 ? "<i>x</i>" : sub("h", l - 1);
      forwards.push({
        key: `a${l}`, html: `${sub("a", l)} = ${below} ${sub("W", l)} + ${sub("b", l)}`, tags: ["L1"],
        values: pass.a[l - 1],
      }, {
        key: `h${l}`, html: `${sub("h", l)} = <i>f</i>(${sub("a", l)}), <i>f</i>(a) = ${activation.formula}`,
        tags: [activation.tag], values: pass.h[l],
      });
    }
    const below = last === 1 ? "<i>x</i>" : sub("h", last - 1);
    forwards.push({
      key: "z", html: `<i>z</i> = ${below} ${sub("W", last)} + ${sub("b", last)}`, tags: ["L1"],
      values: pass.z, names: classNames,
    });
    const tags = [training.loss.tag];
    const backwards = [];
    if (outputs === 1) {
      forwards.push(
        { key: "y", html: "<i>y</i>, the point's number", values: y },
        { key: "loss", html: "ℓ = (<i>z</i> − <i>y</i>)²", tags, values: loss.value });
      backwards.push({
        key: "dz", html: "∂ℓ/∂<i>z</i> = 2(<i>z</i> − <i>y</i>)", tags, values: back.dz, names: classNames,
      });
    } else {
      forwards.push({
        key: "p", html: "<i>p</i> = softmax(<i>z</i>)", tags: ["E1"], values: softmax(pass.z, 1, outputs),
        names: classNames,
      }, { key: "loss", html: "ℓ = −log <i>p</i><sub>y</sub>", tags, values: loss.value });
      backwards.push({
        key: "dz", html: "∂ℓ/∂<i>z</i> = <i>p</i> − <i>q</i>, <i>q</i> = 1 at the point's class, else 0",
        tags, values: back.dz, names: classNames,
      });
    }
    for (let l = last; l >= 1; l--) {
      const { W, b, nIn, nOut } = layout.layers[l - 1];
      const g = l === last ? "∂<i>z</i>" : `∂${sub("a", l)}`;
      const from = l === 1 ? "<i>x</i>" : sub("h", l - 1);
      backwards.push({
        key: `dW${l}`, html: `∂${sub("W", l)} = ${from}ᵀ ${g}`, tags: ["L1"],
        values: back.grad.subarray(W, W + nIn * nOut), columns: nOut,
      }, {
        key: `db${l}`, html: `∂${sub("b", l)} = ${g}`, tags: ["L1"], values: back.grad.subarray(b, b + nOut),
      });
      if (l === 1) break;
      backwards.push({
        key: `dh${l - 1}`, html: `∂${sub("h", l - 1)} = ${g} ${sub("W", l)}ᵀ`, tags: ["L1"],
        values: back.dh[l - 2],
      }, {
        key: `da${l - 1}`,
        html: `∂${sub("a", l - 1)} = ∂${sub("h", l - 1)} ⊙ <i>f</i>′(${sub("a", l - 1)}), ` +
          `<i>f</i>′ = ${activation.slope}`,
        tags: [activation.tag], values: back.da[l - 2],
      });
    }
    return { forwards, backwards };
  }

  function show(target, { forwards, backwards }) {
    target.replaceChildren(
      element("section", {}, element("h3", {}, "Forwards"), ...forwards.map(line)),
      element("section", {}, element("h3", {}, "Backwards, by the chain rule ", playground.formulas.tagLink("C1")),
        ...backwards.map(line)));
  }

  playground.derivation = { linesOf, show };
})((globalThis.playground ??= {}));
