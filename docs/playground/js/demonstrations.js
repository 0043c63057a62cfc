"use strict";
// Links that show something: a state of the page, and what to look for.
(function (playground) {
  const { element } = playground.formulas;

  playground.demonstrations = [
    ["Spirals, with Adam", "data=spirals&noise=0.05&hidden=8-8&activation=silu&initializer=he&lr=0.02&epochs=300",
      "Adam divides each gradient by its own usual size, so units far from the answer move as fast as the others."],
    ["The same with plain descent", "data=spirals&noise=0.05&hidden=8-8&activation=silu&initializer=he&optimizer=sgd&lr=0.02&epochs=300",
      "The same network, points and batches; only the rule differs. Keep the curves of one to see them beside the other."],
    ["A straight line is not enough", "data=xor&hidden=6-4&activation=identity",
      "Layers without a bend between them are one layer, and one layer draws one straight line."],
    ["All weights zero", "data=moons&initializer=zeros&activation=tanh",
      "Equal units get equal gradients and stay equal for ever: the first weights must differ."],
    ["A rate too large", "data=circles&optimizer=momentum&lr=3&activation=relu&initializer=he",
      "The update sizes stay near 1: each step undoes the one before."],
    ["A rate that falls", "data=moons&noise=0.3&hidden=8-8&optimizer=adam&lr=0.05&schedule=cosine&warmup=50&batch=4&epochs=60",
      "Small batches make noisy steps. Warm-up keeps the first small, the cosine lets the last settle."],
    ["Overfitting", "data=moons&n=60&noise=0.35&validation=0.5&hidden=12-12&activation=relu&initializer=he&lr=0.01&epochs=500",
      "The training loss goes to nothing while the validation loss, of the hollow points, rises."],
    ["Overfitting, held back", "data=moons&n=60&noise=0.35&validation=0.5&hidden=12-12&activation=relu&initializer=he&lr=0.01&epochs=500&weightDecay=2",
      "The same with decoupled weight decay: the surface stays smooth."],
    ["Dead units", "data=circles&hidden=10-10&activation=relu&initializer=he&optimizer=adam&lr=0.5",
      "One step too far, and a ReLU is 0 for every point. Its gradient is 0 too, so it never comes back: an empty picture."],
  ];

  function show(list) {
    list.append(...playground.demonstrations.map(([name, fragment, look]) => element("li", {},
      element("a", { href: `#${fragment}` }, name), element("span", { class: "remark" }, look))));
  }

  playground.showDemonstrations = show;
})((globalThis.playground ??= {}));
