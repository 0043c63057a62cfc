"use strict";
// Links that show something: a state of the page, and what to look for.
(function (playground) {
  const { element } = playground.formulas;

  playground.demonstrations = [
    ["Spirals, with Adam", "data=spirals&noise=0.05&hidden=8-8&activation=silu&initializer=he&lr=0.02&epochs=300",
      "Adam divides each gradient by its own usual size, so units far from the answer move as fast as the others."],
    ["The same with plain descent", "data=spirals&noise=0.05&hidden=8-8&activation=silu&initializer=he&optimizer=sgd&lr=0.1&epochs=300",
      "The same network, points and batches, at five times the rate; only the rule differs. Keep the curves of one to see them beside the other."],
    ["A straight line is not enough", "data=xor&activation=identity",
      "Layers without a bend between them are one layer, and one layer draws one straight line."],
    ["A straight line that is enough", "data=xor&features=x1-x2-x1x2&hidden=none&lr=0.05",
      "Given x₁x₂ as an input of its own, the same problem needs no hidden unit. Hidden layers find such inputs by themselves; without them somebody has to know."],
    ["All weights zero", "data=moons&initializer=zeros&activation=sigmoid&lr=0.05",
      "Equal units get equal gradients and stay equal for ever: six units are worth one. So the first weights must differ."],
    ["A rate too large", "data=circles&optimizer=sgd&lr=10",
      "The loss leaps instead of falling. The tanh units are driven to their ends, where their slope is 0, and the lower layers stop learning: see the update sizes."],
    ["A rate that stays", "data=circles&n=500&noise=0.3&hidden=6&lr=0.1&epochs=30&batch=4",
      "Small batches make noisy steps, and at a constant rate the noise never settles."],
    ["A rate that falls", "data=circles&n=500&noise=0.3&hidden=6&lr=0.1&schedule=cosine&warmup=50&epochs=30&batch=4",
      "The same with warm-up, which keeps the first steps small, and a cosine, which lets the last ones settle."],
    ["Overfitting", "data=moons&n=60&noise=0.35&validation=0.5&hidden=12-12&activation=relu&initializer=he&lr=0.01&epochs=500",
      "The training loss goes to nothing while the validation loss, of the hollow points, rises."],
    ["Overfitting, held back", "data=moons&n=60&noise=0.35&validation=0.5&hidden=12-12&activation=relu&initializer=he&lr=0.01&epochs=500&weightDecay=2",
      "The same with decoupled weight decay: the surface stays smooth."],
    ["Dead units", "data=circles&hidden=10-10&activation=relu&initializer=he&optimizer=adam&lr=0.5",
      "One step too far, and a ReLU is 0 for every point. Its gradient is 0 too, so it never comes back: an empty picture."],
    ["A number instead of a class", "data=hills&hidden=8-4&lr=0.01&epochs=60",
      "Each point holds a number, green above 0 and purple below, and the network has one output. Its squared error is the mean square of what is left over; R² is the share of the spread that it explains."],
    ["A plane is not a hill", "data=hills&hidden=none&lr=0.02&epochs=60",
      "Without hidden units the answer is a plane. The loss stops falling where the best plane lies, which is what linear regression finds."],
  ];

  const byId = (id) => document.getElementById(id);

  function show(list) {
    list.append(...playground.demonstrations.map(([name, fragment, look]) => element("li", {},
      element("a", { href: `#${fragment}` }, name), element("span", { class: "remark" }, look))));
  }

  /** What to look for stays beside the buttons as long as the settings are a demonstration's. */
  function explain(settings) {
    const same = (fragment) => {
      const shown = playground.settings.fromFragment(fragment).settings;
      return JSON.stringify(shown) === JSON.stringify(settings);
    };
    const all = playground.demonstrations;
    const at = all.findIndex(([, fragment]) => same(fragment));
    byId("lesson").hidden = at < 0;
    if (at < 0) return;
    const [name, , look] = all[at];
    const [next, fragment] = all[(at + 1) % all.length];
    byId("lesson-name").textContent = name;
    byId("lesson-look").textContent = look;
    byId("lesson-next").textContent = `Next: ${next}`;
    byId("lesson-next").href = `#${fragment}`;
  }

  playground.showDemonstrations = show;
  playground.explainDemonstration = explain;
})((globalThis.playground ??= {}));
