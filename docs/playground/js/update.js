"use strict";
// What the next step would do to one weight: its gradient in the batch, the rate, the rule's memory.
(function (playground) {
  const { optionsOf } = playground.settings;
  const { element, line } = playground.formulas;
  const { EPSILON } = playground;
  const W = "<i>w</i>";

  // Each: what a rule does to a weight of gradient g, from its memory before and after.
  const rules = {
    O1: ({ g, after: [u], lr, options }, nesterov) => [
      { key: "u", html: `<i>u</i> ← <i>μu</i> + <i>g</i>, <i>μ</i> = ${options.momentum ?? 0}`, values: u },
      nesterov
        ? { key: "move", html: "Δ = −<i>η</i>(<i>g</i> + <i>μu</i>)", values: -lr * (g + options.momentum * u) }
        : { key: "move", html: "Δ = −<i>ηu</i>", values: -lr * u },
    ],
    O2: ({ g, after: [v], lr, options }) => [
      { key: "v", html: `<i>v</i> ← <i>ρv</i> + (1 − <i>ρ</i>)<i>g</i>², <i>ρ</i> = ${options.rho}`, values: v },
      {
        key: "move", html: "Δ = −<i>η g</i>/(√<i>v</i> + <i>ε</i>)",
        values: -lr * (g / (Math.sqrt(v) + EPSILON)),
      },
    ],
    O3: ({ after: [m, v], lr, t, options: { beta1, beta2 } }) => {
      const [bias1, bias2] = [1 - beta1 ** t, 1 - beta2 ** t];
      return [
        ...memory(m, v, beta1, beta2),
        { key: "m̂", html: `<i>m̂</i> = <i>m</i>/(1 − <i>β</i>₁ᵗ), 1 − <i>β</i>₁ᵗ = ${short(bias1)}`, values: m / bias1 },
        { key: "v̂", html: `<i>v̂</i> = <i>v</i>/(1 − <i>β</i>₂ᵗ), 1 − <i>β</i>₂ᵗ = ${short(bias2)}`, values: v / bias2 },
        {
          key: "move", html: "Δ = −<i>η m̂</i>/(√<i>v̂</i> + <i>ε</i>)",
          values: -lr * (m / bias1 / (Math.sqrt(v / bias2) + EPSILON)),
        },
      ];
    },
    O4: ({ g, after: [m, v], lr, t, options: { beta1, beta2 } }) => {
      const { now, ahead } = playground.nadamFactors(t, beta1);
      const bias2 = 1 - beta2 ** t;
      const along = now * g + ahead * m;
      return [
        ...memory(m, v, beta1, beta2),
        {
          key: "along", html: `${short(now)}·<i>g</i> + ${short(ahead)}·<i>m</i>`, values: along,
          words: "the factors are those of μₜ and Πₜ",
        },
        { key: "v̂", html: `<i>v̂</i> = <i>v</i>/(1 − <i>β</i>₂ᵗ), 1 − <i>β</i>₂ᵗ = ${short(bias2)}`, values: v / bias2 },
        {
          key: "move", html: "Δ = −<i>η</i> (…)/(√<i>v̂</i> + <i>ε</i>)",
          values: -lr * (along / (Math.sqrt(v / bias2) + EPSILON)),
        },
      ];
    },
    O5: ({ g, before: [m], after: [next], lr, options: { beta1, beta2 } }) => {
      const along = m + (1 - beta1) * (g - m);
      return [
        {
          key: "along", html: `<i>β</i>₁<i>m</i> + (1 − <i>β</i>₁)<i>g</i>, <i>β</i>₁ = ${beta1}`, values: along,
        },
        { key: "move", html: "Δ = −<i>η</i> sign(…)", values: -lr * Math.sign(along) },
        {
          key: "m", html: `then <i>m</i> ← <i>β</i>₂<i>m</i> + (1 − <i>β</i>₂)<i>g</i>, <i>β</i>₂ = ${beta2}`,
          values: next,
        },
      ];
    },
  };

  const short = (v) => playground.formulas.numberText(v);

  function memory(m, v, beta1, beta2) {
    return [
      {
        key: "m", html: `<i>m</i> ← <i>β</i>₁<i>m</i> + (1 − <i>β</i>₁)<i>g</i>, <i>β</i>₁ = ${beta1}`, values: m,
      },
      {
        key: "v", html: `<i>v</i> ← <i>β</i>₂<i>v</i> + (1 − <i>β</i>₂)<i>g</i>², <i>β</i>₂ = ${beta2}`, values: v,
      },
    ];
  }

  /** The lines of the next step for the weight from unit k to unit j of layer l (all from 0). */
  function linesOf(training, l, k, j) {
    const { settings, rule, schedule, layout } = training;
    const at = layout.layers[l].W + k * layout.layers[l].nOut + j;
    const twin = training.copy();
    const done = twin.step();
    const { t, lr } = done;
    const w = training.theta[at];
    const plain = training.copy().gradient(done.rows, t, { bare: true }).back.grad[at];
    const before = training.state.map((vector) => vector[at]);
    const after = twin.state.map((vector) => vector[at]);
    const g = done.grad[at];
    const options = { ...rule.fixed, ...optionsOf(rule, settings) };
    const gradient = [
      { key: "w", html: `${W} = <i>W</i><sub>${l + 1}</sub>[${k + 1}, ${j + 1}]`, values: w },
      {
        key: "mean", html: `∂<i>L</i>/∂${W}`, tags: ["E0", "L1"], values: plain,
        words: `the mean over the ${done.rows.length} points of the next batch`,
      },
    ];
    if (settings.l2) {
      gradient.push({
        key: "l2", html: `+ <i>λ</i>${W}, <i>λ</i> = ${settings.l2}`, tags: ["E9"], values: plain + settings.l2 * w,
      });
    }
    if (settings.clip) {
      gradient.push({
        key: "clip", html: `· min(1, <i>c</i>/‖∇‖), <i>c</i> = ${settings.clip}, ‖∇‖ = ${short(done.length)}`,
        tags: ["T2"], values: g,
      });
    }
    gradient.push({ key: "g", html: "<i>g</i>, what the rule is given", values: g });
    const factor = schedule.factor(t - 1, training.total, optionsOf(schedule, settings));
    const rate = [
      { key: "t", html: `step ${t}; <i>s</i> counts the steps done, <i>t</i> = ${t - 1} of <i>T</i> = ${training.total}` },
      { key: "s", html: `<i>s</i> = ${schedule.formula}`, tags: [schedule.tag], values: factor },
    ];
    if (training.warmup) {
      rate.push({
        key: "warmup", html: "warm-up min((<i>t</i> + 1)/length, 1)", tags: ["S6"],
        values: playground.warmup(t - 1, training.total, training.warmup),
      });
    }
    rate.push({
      key: "lr", html: `<i>η</i><sub>t</sub> = ${settings.lr} · <i>s</i>${training.warmup ? " · warm-up" : ""}`,
      tags: ["S0"], values: lr,
    });
    const move = rules[rule.tag]({ g, before, after, lr, t, options }, options.nesterov);
    move[0].tags = [rule.tag];
    if (settings.weightDecay) {
      rate.push({
        key: "decayed", html: `${W}(1 − <i>η</i><sub>t</sub><i>λ</i>), <i>λ</i> = ${settings.weightDecay}`,
        tags: ["R1"], values: w * (1 - lr * settings.weightDecay),
      });
    }
    move.push({ key: "new", html: `${W} ← ${settings.weightDecay ? "decayed " : ""}${W} + Δ`, tags: ["R1"], values: twin.theta[at] });
    return { gradient, rate, move };
  }

  function show(target, { gradient, rate, move }, title) {
    target.replaceChildren(
      element("section", {}, element("h3", {}, "Gradient"), ...gradient.map(line)),
      element("section", {}, element("h3", {}, "Rate"), ...rate.map(line)),
      element("section", {}, element("h3", {}, title), ...move.map(line)));
  }

  playground.update = { linesOf, show };
})((globalThis.playground ??= {}));
