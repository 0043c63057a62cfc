"use strict";
// Curves over the steps: losses, update sizes, the planned rate.
(function (playground) {
  const { sharp } = playground.plane;
  const { palette, css } = playground.colours;
  const LEFT = 42;
  const BOTTOM = 18;
  const MOST = 1500;

  /** A list of [t, values…] that halves itself before it grows too long. */
  class History {
    constructor() {
      this.rows = [];
    }

    add(row) {
      if (this.rows.length && this.rows[this.rows.length - 1][0] === row[0]) this.rows.pop();
      this.rows.push(row);
      if (this.rows.length > MOST) this.rows = this.rows.filter((_, i) => i % 2 === 0);
    }

    column(i) {
      return this.rows.map((row) => [row[0], row[i]]);
    }
  }

  const short = (v) =>
    v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e4)
      ? v.toExponential(0).replace("e+", "e").replace("-", "−")
      : String(Number(v.toPrecision(2))).replace("-", "−");

  /** Round numbers between low and high, at most about four. */
  function ticks(low, high, log) {
    if (log) {
      const [from, to] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
      const every = Math.max(1, Math.ceil((to - from + 1) / 4));
      const found = [];
      for (let e = from; e <= to; e += every) found.push(10 ** e);
      return found.length ? found : [low, high];
    }
    const raw = (high - low) / 3 || 1;
    const unit = 10 ** Math.floor(Math.log10(raw));
    const every = unit * [1, 2, 5, 10].find((m) => m * unit >= raw);
    const found = [];
    for (let v = Math.ceil(low / every) * every; v <= high + 1e-9 * every; v += every) found.push(v);
    return found;
  }

  function rangeOf(series, log) {
    const values = series.flatMap(({ points }) => points.map((p) => p[1]))
      .filter((v) => Number.isFinite(v) && (!log || v > 0));
    if (!values.length) return log ? [1e-3, 1] : [0, 1];
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (!log) return [Math.min(0, low), high > 0 ? high * 1.05 : 1];
    return low === high ? [low / 3, high * 3] : [low / 1.2, high * 1.2];
  }

  /** series: [{points: [[t, v], …], colour, dash, width}]; options: {log, to, dot}. */
  function draw(canvas, series, { log = false, to = 1, dot = null } = {}) {
    const { context, width, height } = sharp(canvas);
    const { muted, line, ink } = palette();
    const [low, high] = rangeOf(series, log);
    const scale = log ? Math.log : (v) => v;
    const [w, h] = [width - LEFT - 8, height - BOTTOM - 8];
    const xOf = (t) => LEFT + (t / to) * w;
    const yOf = (v) => 8 + h * (1 - (scale(v) - scale(low)) / (scale(high) - scale(low)));
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = css(muted);
    context.strokeStyle = css(line);
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const v of ticks(low, high, log)) {
      context.beginPath();
      context.moveTo(LEFT, yOf(v));
      context.lineTo(LEFT + w, yOf(v));
      context.stroke();
      context.fillText(short(v), LEFT - 5, yOf(v));
    }
    context.textBaseline = "bottom";
    context.textAlign = "left";
    context.fillText("0", LEFT, height - 2);
    context.textAlign = "right";
    context.fillText(`${to} steps`, LEFT + w, height - 2);
    for (const { points, colour, dash = [], thick = 1.8 } of series) {
      context.strokeStyle = css(colour);
      context.lineWidth = thick;
      context.setLineDash(dash);
      context.beginPath();
      let open = false;
      for (const [t, v] of points) {
        const there = Number.isFinite(v) && (!log || v > 0);
        if (there) context[open ? "lineTo" : "moveTo"](xOf(t), yOf(v));
        open = there;
      }
      context.stroke();
      if (points.length === 1) context.fillRect(xOf(points[0][0]) - 1, yOf(points[0][1]) - 1, 3, 3);
    }
    context.setLineDash([]);
    if (dot && Number.isFinite(dot[1])) {
      context.fillStyle = css(ink);
      context.beginPath();
      context.arc(xOf(dot[0]), yOf(dot[1]), 4, 0, 2 * Math.PI);
      context.fill();
    }
  }

  playground.curves = { History, draw };
})((globalThis.playground ??= {}));
