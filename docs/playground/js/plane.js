"use strict";
// The plane: what the network answers everywhere, and the points.
(function (playground) {
  const { forward } = playground.network;
  const { softmax } = playground;
  const { palette, css, mix } = playground.colours;
  const CELLS = 60;
  const POINT = 4;

  /** The forward pass of a grid over the frame, top row first: every unit's response. */
  function responses(training, frame) {
    const [[left, right], [low, high]] = frame;
    const x = new Float64Array(2 * CELLS * CELLS);
    for (let r = 0; r < CELLS; r++) {
      for (let c = 0; c < CELLS; c++) {
        x[2 * (r * CELLS + c)] = left + ((right - left) * (c + 0.5)) / CELLS;
        x[2 * (r * CELLS + c) + 1] = high - ((high - low) * (r + 0.5)) / CELLS;
      }
    }
    const { layout, settings, theta } = training;
    const n = CELLS * CELLS;
    const pass = forward(layout, settings.activation, theta, training.inputs(x), n);
    const { outputs } = training;
    return { h: pass.h, z: pass.z, p: outputs > 1 ? softmax(pass.z, n, outputs) : null, outputs };
  }

  const packed = ([r, g, b]) => (255 << 24) | (b << 16) | (g << 8) | r; // as canvases keep a pixel

  const rgbOf = (pixel) => css([pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255]);

  /** A small canvas of CELLS × CELLS pixels, coloured cell by cell. */
  function painted(canvas, colourOf) {
    if (canvas.width !== CELLS) canvas.width = canvas.height = CELLS;
    const context = canvas.getContext("2d");
    const image = context.createImageData(CELLS, CELLS);
    const pixels = new Int32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) pixels[i] = colourOf(i);
    context.putImageData(image, 0, 0);
    return canvas;
  }

  /** The colours from −1 to 1 of a palette, 128 to each side of paper. */
  function rampOf(colours) {
    colours.ramp ??= Array.from({ length: 257 }, (_, i) =>
      packed(mix(colours.paper, i < 128 ? colours.minus : colours.plus, Math.abs(i - 128) / 128)));
    return colours.ramp;
  }

  /** One unit's values, from purple over paper to green. */
  function paintUnit(canvas, values, units, j) {
    const ramp = rampOf(palette());
    let most = 1e-12;
    for (let i = 0; i < CELLS * CELLS; i++) most = Math.max(most, Math.abs(values[i * units + j]));
    const scale = Number.isFinite(most) ? 128 / most : 0;
    return painted(canvas, (i) => {
      const v = scale * values[i * units + j];
      return ramp[Number.isNaN(v) ? 128 : Math.round(128 + v)];
    });
  }

  /** The likeliest class, the paler the less sure. */
  function paintClasses(canvas, { p, outputs }) {
    const { paper, classes: colours } = palette();
    return painted(canvas, (i) => {
      let top = 0;
      for (let k = 1; k < outputs; k++) if (p[i * outputs + k] > p[i * outputs + top]) top = k;
      const sure = (p[i * outputs + top] - 1 / outputs) / (1 - 1 / outputs);
      return packed(mix(paper, colours[top], Math.max(0, 0.62 * sure || 0)));
    });
  }

  /** The colour of a number, from purple at −1 over paper to green at 1. */
  function colourOf(v) {
    const size = Math.max(-1, Math.min(v, 1)) || 0;
    return rampOf(palette())[Math.round(128 + 128 * size)];
  }

  /** The number that is answered everywhere, in the colours of the points' own. */
  const paintNumbers = (canvas, { z }) => painted(canvas, (i) => colourOf(z[i]));

  /** The mark of a class: a disc, a square, a triangle, a diamond. */
  function mark(context, x, y, label, r) {
    context.beginPath();
    if (label === 0) context.arc(x, y, r, 0, 2 * Math.PI);
    else if (label === 1) context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r);
    else if (label === 2) {
      context.moveTo(x, y - 1.3 * r);
      context.lineTo(x + 1.2 * r, y + 0.9 * r);
      context.lineTo(x - 1.2 * r, y + 0.9 * r);
    } else {
      context.moveTo(x, y - 1.4 * r);
      context.lineTo(x + 1.4 * r, y);
      context.lineTo(x, y + 1.4 * r);
      context.lineTo(x - 1.4 * r, y);
    }
    context.closePath();
  }

  /** A canvas as sharp as the screen; its context in CSS pixels, and its size. */
  function sharp(canvas) {
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const context = canvas.getContext("2d");
    context.setTransform(scale, 0, 0, scale, 0, 0);
    return { context, width, height };
  }

  const small = () => (playground.offscreen ??= document.createElement("canvas"));

  /**
   * Draw all: the answers (or one unit's), the points (those held out are hollow), the followed
   * point in a ring, and the keyboard's cross.
   */
  function draw(canvas, view) {
    const { grid, unit, frame, points, held, followed, cross } = view;
    const { context, width, height } = sharp(canvas);
    const { paper, ink, classes, muted } = palette();
    if (unit) paintUnit(small(), unit.values, unit.units, unit.j);
    else if (grid.outputs === 1) paintNumbers(small(), grid);
    else paintClasses(small(), grid);
    context.imageSmoothingQuality = "high";
    context.drawImage(small(), 0, 0, width, height);
    const at = (x1, x2) => toScreen(frame, width, height, x1, x2);
    const r = points.n > 600 ? 2.6 : POINT;
    for (let i = 0; i < points.n; i++) {
      const [x, y] = at(points.x[2 * i], points.x[2 * i + 1]);
      if (points.outputs === 1) {
        mark(context, x, y, held.has(i) ? 3 : 0, r);
        context.lineWidth = 1.1;
        context.fillStyle = rgbOf(colourOf(points.y[i]));
        context.strokeStyle = css(ink);
      } else {
        const colour = css(classes[points.y[i]]);
        mark(context, x, y, points.y[i], r);
        context.lineWidth = held.has(i) ? 1.8 : 1.2;
        context.fillStyle = held.has(i) ? css(paper) : colour;
        context.strokeStyle = held.has(i) ? colour : css(paper);
      }
      context.fill();
      context.stroke();
      if (i === followed) {
        context.beginPath();
        context.arc(x, y, r + 5, 0, 2 * Math.PI);
        context.lineWidth = 2.5;
        context.strokeStyle = css(ink);
        context.stroke();
      }
    }
    axes(context, width, height, frame, css(muted));
    if (cross) {
      const [x, y] = at(...cross);
      context.strokeStyle = css(ink);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(x - 10, y);
      context.lineTo(x + 10, y);
      context.moveTo(x, y - 10);
      context.lineTo(x, y + 10);
      context.stroke();
    }
  }

  function axes(context, width, height, [[left, right], [low, high]], colour) {
    const short = (v) => String(Number(v.toPrecision(2)));
    context.fillStyle = colour;
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "bottom";
    context.fillText(short(left), 4, height - 3);
    context.textAlign = "right";
    context.fillText(`x₁ ${short(right)}`, width - 4, height - 3);
    context.textAlign = "left";
    context.textBaseline = "top";
    context.fillText(`x₂ ${short(high)}`, 4, 4);
  }

  function toScreen([[left, right], [low, high]], width, height, x1, x2) {
    return [((x1 - left) / (right - left)) * width, ((high - x2) / (high - low)) * height];
  }

  function fromScreen([[left, right], [low, high]], width, height, x, y) {
    return [left + (x / width) * (right - left), high - (y / height) * (high - low)];
  }

  /** The point nearest to a place, as the eye sees it; −1 where there is none. */
  function nearest(points, frame, [x1, x2]) {
    const [[left, right], [low, high]] = frame;
    let best = -1;
    let least = Infinity;
    for (let i = 0; i < points.n; i++) {
      const distance = Math.hypot(
        (points.x[2 * i] - x1) / (right - left), (points.x[2 * i + 1] - x2) / (high - low));
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  playground.plane = { CELLS, responses, colourOf, rgbOf, paintUnit, mark, sharp, draw, fromScreen, nearest };
})((globalThis.playground ??= {}));
