"use strict";
// Randomness as a function of (seed, purpose, …), the same as deltarule's ground/randomness.py:
// SplitMix64 for weights and orders, a 32-bit hash for each bit of dropout.
(function (playground) {
  const MASK = (1n << 64n) - 1n;
  const GAMMA = 0x9e3779b97f4a7c15n;

  function mix64(z) {
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return z ^ (z >> 31n);
  }

  /** A 64-bit key: a function of the seed and of what the randomness is for. */
  function derive(seed, ...path) {
    let key = mix64((BigInt(seed) + GAMMA) & MASK);
    for (const item of path) {
      const numbers = typeof item === "string" ? [...new TextEncoder().encode(item)] : [item];
      for (const number of numbers) key = mix64((key + GAMMA * (2n * BigInt(number) + 1n)) & MASK);
      key = mix64(key ^ BigInt(numbers.length));
    }
    return key;
  }

  function stream64(key, n, start = 0) {
    const words = new BigUint64Array(n);
    for (let i = 0; i < n; i++) words[i] = mix64((key + GAMMA * BigInt(start + i + 1)) & MASK);
    return words;
  }

  /** n numbers, uniform in [0, 1). */
  function uniforms(key, n, start = 0) {
    return Float64Array.from(stream64(key, n, start), (word) => Number(word >> 11n) * 2 ** -53);
  }

  /** n numbers from the standard normal distribution (Box and Muller, 1958). */
  function normals(key, n) {
    const half = (n + 1) >> 1;
    const out = new Float64Array(2 * half);
    const lengths = uniforms(key, half);
    const turns = uniforms(key, half, half);
    for (let i = 0; i < half; i++) {
      const radius = Math.sqrt(-2 * Math.log1p(-lengths[i]));
      const angle = 2 * Math.PI * turns[i];
      out[i] = radius * Math.cos(angle);
      out[half + i] = radius * Math.sin(angle);
    }
    return out.subarray(0, n);
  }

  /** A permutation of 0..n−1: the order of n random words. */
  function permutation(key, n) {
    const words = stream64(key, n);
    return Array.from(words.keys()).sort((i, j) => (words[i] < words[j] ? -1 : 1));
  }

  function hash32(x) {
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
    return (x ^ (x >>> 16)) >>> 0;
  }

  /** Zeros with probability `rate`, else ones: of each row of a batch and unit of a layer. */
  function keep(key, rows, units, rate) {
    const low = Number(key & 0xffffffffn);
    const high = Number(key >> 32n);
    const threshold = Math.min(Math.round(rate * 2 ** 32), 2 ** 32 - 1);
    const mask = new Float64Array(rows * units);
    for (let i = 0; i < rows; i++) {
      const ofRow = hash32(Math.imul(i, 0x9e3779b9) ^ low);
      for (let j = 0; j < units; j++) {
        const ofUnit = Math.imul(j, 0x85ebca6b) ^ high;
        mask[i * units + j] = hash32(ofRow ^ ofUnit) >= threshold ? 1 : 0;
      }
    }
    return mask;
  }

  playground.randomness = { derive, uniforms, normals, permutation, keep };
})((globalThis.playground ??= {}));
