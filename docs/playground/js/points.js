"use strict";
// One's own points: read from CSV, written as CSV, and packed into a link.
(function (playground) {
  const MOST_POINTS = 2000;
  const MOST_CLASSES = 4;
  const MOST_IN_A_LINK = 400;

  const empty = () => ({ x: new Float64Array(0), y: [], n: 0, outputs: 2, names: [] });

  function pointsOf(rows, names) {
    const x = Float64Array.from(rows.flatMap(([x1, x2]) => [x1, x2]));
    const y = rows.map((row) => row[2]);
    return { x, y, n: rows.length, outputs: Math.max(2, ...y.map((label) => label + 1)), names };
  }

  function cellsOf(line) {
    const separator = [";", "\t", ","].find((mark) => line.includes(mark)) ?? /\s+/;
    const cells = line.trim().split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1"));
    // 1,5 is a number where the columns are not separated by commas
    return separator === "," ? cells : cells.map((cell) => cell.replace(/^(-?\d+),(\d+)$/, "$1.$2"));
  }

  const isNumber = (cell) => cell !== "" && Number.isFinite(Number(cell));

  /**
   * The points of a text with two numbers and a class in each line; a first line of names is
   * passed over.  Throws an Error that says in one sentence what is wrong.
   */
  function parse(text) {
    const lines = text.split(/\r\n|\n|\r/).map((line, i) => ({ line, number: i + 1 }))
      .filter(({ line }) => line.trim());
    if (!lines.length) throw new Error("There are no lines in it: each needs two numbers and a class.");
    const first = cellsOf(lines[0].line);
    if (first.length >= 2 && !first.slice(0, 2).some(isNumber)) lines.shift();
    const names = [];
    const rows = [];
    for (const { line, number } of lines) {
      const cells = cellsOf(line);
      if (cells.length < 3 || !cells.slice(0, 2).every(isNumber) || !cells[2]) {
        throw new Error(
          `Line ${number}, “${line.trim().slice(0, 40)}”, is not two numbers and a class, ` +
          "such as 0.5,-1.2,a.");
      }
      if (!names.includes(cells[2])) names.push(cells[2]);
      if (names.length > MOST_CLASSES) {
        throw new Error(
          `There are more than ${MOST_CLASSES} classes (${names.join(", ").slice(0, 60)}): the third ` +
          "column is the class.");
      }
      rows.push([Number(cells[0]), Number(cells[1]), cells[2]]);
    }
    if (rows.length > MOST_POINTS) {
      throw new Error(`There are ${rows.length} points, and this page takes at most ${MOST_POINTS}.`);
    }
    if (names.length < 2) throw new Error(`There must be at least two classes, and all points are “${names[0]}”.`);
    if (names.every(isNumber)) names.sort((a, b) => a - b);
    else names.sort();
    return pointsOf(rows.map(([x1, x2, name]) => [x1, x2, names.indexOf(name)]), names);
  }

  /** Four columns, the last of which is 1 for the points that are held out. */
  function toCsv(points, heldOut) {
    const held = new Set(heldOut);
    const lines = points.y.map((label, i) =>
      [points.x[2 * i], points.x[2 * i + 1], label, held.has(i) ? 1 : 0].join(","));
    return [`x1,x2,${points.outputs === 1 ? "target" : "class"},validation`, ...lines, ""].join("\n");
  }

  /** Of a link: 0.5_-1.2_0~…; null where they are too many for one. */
  function pack(points) {
    if (points.n > MOST_IN_A_LINK) return null;
    return points.y.map((label, i) => `${points.x[2 * i]}_${points.x[2 * i + 1]}_${label}`).join("~");
  }

  function unpack(text) {
    if (!text) return empty();
    const rows = text.split("~").slice(0, MOST_POINTS).map((item) => item.split("_").map(Number));
    const fits = ([x1, x2, label]) =>
      Number.isFinite(x1) && Number.isFinite(x2) && Number.isInteger(label) && label >= 0 &&
      label < MOST_CLASSES;
    const good = rows.filter((row) => row.length === 3 && fits(row));
    return pointsOf(good, []);
  }

  /** The points with one more. */
  function added(points, x1, x2, label) {
    const rows = points.y.map((y, i) => [points.x[2 * i], points.x[2 * i + 1], y]);
    return pointsOf([...rows, [x1, x2, label]], points.names);
  }

  /** The points without one. */
  function without(points, index) {
    const rows = points.y.map((y, i) => [points.x[2 * i], points.x[2 * i + 1], y]);
    return pointsOf(rows.filter((_, i) => i !== index), points.names);
  }

  playground.points = { empty, parse, toCsv, pack, unpack, added, without, MOST_POINTS, MOST_CLASSES };
})((globalThis.playground ??= {}));
