// The phantom once more: what skinlib/data/phantom.py draws, formula by formula.
//
// Given the same random numbers, the same image; a test compares them. Lengths are in units of
// half the image's side, angles in radians.
"use strict";

const phantom = (() => {
  const CLASSES = ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"];
  const TURN = 2 * Math.PI;
  const SKIN = [228, 182, 163], BROWN = [140, 92, 66], DARK = [66, 42, 36], RED = [184, 74, 78];
  const PURPLE = [116, 26, 52], BLUE = [104, 114, 142], WHITE = [240, 222, 212];
  const BODY = {
    akiec: [RED, 0.4], bcc: [RED, 0.4], bkl: [BROWN, 0.75], df: [BROWN, 0.5],
    mel: [BROWN, 0.8], nv: [BROWN, 0.75], vasc: [RED, 0.55],
  };
  const EDGE = { bkl: 0.03, mel: 0.05 };
  const ROUGHNESS = { akiec: 0.12, bcc: 0.09, mel: 0.16 };

  const logistic = (value) => 1 / (1 + Math.exp(-value));
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);
  const lighter = (colour, by) => colour.map((value) => value + by);

  // Where pixel p lies across and down the image, -1 to 1.
  const across = (p, size) => (((p % size) + 0.5) / size) * 2 - 1;
  const down = (p, size) => ((Math.floor(p / size) + 0.5) / size) * 2 - 1;

  // Random numbers from a seed: Tommy Ettinger's mulberry32.
  function generator(seed) {
    let state = seed >>> 0;
    function random() {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    }
    const uniform = (low, high) => low + (high - low) * random();
    function normal(mean = 0, deviation = 1) { // Box and Muller
      const [radius, angle] = [Math.sqrt(-2 * Math.log(1 - random())), TURN * random()];
      return mean + deviation * radius * Math.cos(angle);
    }
    const several = (count, draw) => Array.from({ length: count }, draw);
    return { random, uniform, normal, several };
  }

  // Pillow's bicubic resizing along a line: weights of the (at most four) cells for each pixel.
  function bicubic(cells, size) {
    const weigh = (d) => (d < 1 ? (1.5 * d - 2.5) * d * d + 1 : ((2.5 - 0.5 * d) * d - 4) * d + 2);
    return Array.from({ length: size }, (_, pixel) => {
      const middle = ((pixel + 0.5) * cells) / size;
      const first = Math.max(0, Math.floor(middle - 1.5));
      const last = Math.min(cells, Math.floor(middle + 2.5));
      const weights = [];
      for (let cell = first; cell < last; cell++) weights.push(weigh(Math.abs(cell + 0.5 - middle)));
      const sum = weights.reduce((a, b) => a + b);
      return { first, weights: weights.map((weight) => weight / sum) };
    });
  }

  // Smooth noise of unit spread, with `cells` bumps to a side.
  function noise(rng, size, cells) {
    const grid = rng.several(cells * cells, () => rng.normal());
    const lines = bicubic(cells, size);
    const along = ({ first, weights }, value) =>
      weights.reduce((sum, weight, n) => sum + weight * value(first + n), 0);
    const wide = Array.from({ length: cells }, (_, row) =>
      lines.map((line) => along(line, (cell) => grid[row * cells + cell])));
    return lines.flatMap((line) =>
      lines.map((_, column) => along(line, (row) => wide[row][column])));
  }

  // Blends a colour over the lesion where weight(pixel), 0 to 1, says.
  function paint(lesion, weight, colour, strength) {
    for (let p = 0; p < lesion.cover.length; p++) {
      const share = strength * weight(p) * lesion.cover[p];
      for (let c = 0; c < 3; c++) {
        lesion.colours[3 * p + c] += share * (colour[c] - lesion.colours[3 * p + c]);
      }
    }
  }

  // Soft round dots at random places on the lesion.
  function dots({ rng, x, y, base }, count, radius) {
    const places = rng.several(2 * count, () => base * rng.uniform(-0.75, 0.75));
    return (p) => {
      let largest = 0;
      for (let n = 0; n < places.length; n += 2) {
        const distance = Math.hypot(x[p] - places[n], y[p] - places[n + 1]);
        largest = Math.max(largest, Math.exp(-((distance / radius) ** 2)));
      }
      return largest;
    };
  }

  function pigmentNetwork(lesion, strength = 0.5) {
    const { rng } = lesion;
    const [mesh, turn] = [rng.uniform(40, 52), rng.uniform(0, Math.PI)];
    const [bend, other] = rng.several(2, () => rng.uniform(0, TURN));
    paint(lesion, (p) => {
      const x = lesion.x[p] + 0.04 * Math.sin(7 * lesion.y[p] + bend);
      const y = lesion.y[p] + 0.04 * Math.sin(6 * lesion.x[p] + other);
      let waves = 0;
      for (let n = 0; n < 3; n++) {
        const angle = turn + (Math.PI / 3) * n;
        waves += Math.cos(mesh * (Math.cos(angle) * x + Math.sin(angle) * y));
      }
      return clip(0.55 - waves / 1.5, 0, 1);
    }, DARK, strength);
  }

  function atypicalNetwork(lesion) {
    const [turn, shift] = [lesion.rng.uniform(0, TURN), lesion.rng.uniform(-0.3, 0.1)];
    const cover = lesion.cover.map((value, p) => {
      const side = Math.cos(turn) * lesion.x[p] + Math.sin(turn) * lesion.y[p];
      return value * logistic((side - shift * lesion.base) / 0.04);
    });
    pigmentNetwork({ ...lesion, cover }, 0.75);
  }

  function blotches(lesion) {
    paint(lesion, dots(lesion, 2, 0.45 * lesion.base), DARK, 0.85);
    paint(lesion, dots(lesion, 2, 0.35 * lesion.base), lighter(RED, 30), 0.5);
  }

  function arborisingVessels(lesion) {
    for (let n = 0; n < 3; n++) {
      const [turn, offset] = [lesion.rng.uniform(0, TURN), lesion.rng.uniform(-0.5, 0.5)];
      const slope = lesion.rng.uniform(0.4, 0.8);
      const along = (p) => Math.cos(turn) * lesion.x[p] + Math.sin(turn) * lesion.y[p];
      const across = (p) =>
        Math.cos(turn) * lesion.y[p] - Math.sin(turn) * lesion.x[p] - offset * lesion.base;
      const bent = (p) => across(p) + 0.07 * Math.sin(9 * along(p) + offset);
      const branch = (p) => across(p) - Math.abs(along(p)) * slope;
      for (const [line, width] of [[bent, 0.025], [branch, 0.016]]) {
        paint(lesion, (p) => Math.exp(-((line(p) / width) ** 2)), [170, 30, 44], 0.8);
      }
    }
  }

  function strawberry(lesion) {
    const openings = dots(lesion, 16, 0.07);
    paint(lesion, (p) => 1 - openings(p), RED, 0.45);
    paint(lesion, dots(lesion, 6, 0.05), WHITE, 0.8);
  }

  function centralWhitePatch(lesion) {
    pigmentNetwork(lesion, 0.4);
    paint(lesion, (p) => clip(1.6 * lesion.depth[p] - 0.5, 0, 1), WHITE, 0.9);
  }

  const dotted = (count, radius, colour, strength) => (lesion) =>
    paint(lesion, dots(lesion, count, radius), colour, strength);

  const SIGNS = {
    akiec: [strawberry],
    bcc: [dotted(4, 0.08, lighter(BLUE, -20), 0.8), arborisingVessels],
    bkl: [dotted(9, 0.03, WHITE, 0.85), dotted(9, 0.04, DARK, 0.8)],
    df: [centralWhitePatch],
    mel: [
      atypicalNetwork,
      blotches,
      (lesion) => paint(lesion, dots(lesion, 1, 0.5 * lesion.base), BLUE, 0.75),
    ],
    nv: [pigmentNetwork, dotted(12, 0.045, DARK, 0.6)],
    vasc: [dotted(14, 0.085, PURPLE, 0.8)],
  };

  // Bare skin, and where on it the lesion lies.
  function place(asked, size, rng, view) {
    const turn = view.uniform(0, TURN), zoom = view.uniform(0.9, 1.15);
    const [right, low] = view.several(2, () => view.uniform(-0.12, 0.12));
    const base = rng.uniform(0.36, 0.6), stretch = rng.uniform(0.6, 1);
    const set = {
      turn, right, low, radius: base, roughness: ROUGHNESS[asked.dx] ?? 0.05, ...asked,
    };
    const waves = [2, 3, 4, 5, 6, 7, 8].map((k) => {
      const amplitude = (rng.normal(0, set.roughness) * 2) / k;
      return [k, amplitude, rng.uniform(0, TURN)];
    });
    const shade = rng.normal(0, 10);
    const skin = SKIN.map((value) => value + shade + rng.normal(0, 5));
    const coarse = noise(view, size, 5), fine = noise(view, size, Math.floor(size / 3));

    const empty = () => new Float64Array(size * size);
    const lesion = { rng, x: empty(), y: empty(), depth: empty(), cover: empty() };
    lesion.base = set.radius;
    lesion.colours = new Float64Array(3 * size * size);
    for (let p = 0; p < size * size; p++) {
      const [right, low] = [across(p, size) - set.right, down(p, size) - set.low];
      const x = (Math.cos(set.turn) * right + Math.sin(set.turn) * low) / zoom;
      const y = (Math.cos(set.turn) * low - Math.sin(set.turn) * right) / zoom;
      const angle = Math.atan2(y / stretch, x);
      let outline = 1;
      for (const [k, amplitude, phase] of waves) outline += amplitude * Math.cos(k * angle + phase);
      const radius = Math.hypot(x, y / stretch);
      const depth = 1 - radius / (set.radius * Math.max(outline, 0.3));
      const cover = logistic(clip(depth / (EDGE[set.dx] ?? 0.1), -30, 30));
      lesion.x[p] = x;
      lesion.y[p] = y;
      lesion.depth[p] = depth;
      lesion.cover[p] = cover;
      for (let c = 0; c < 3; c++) lesion.colours[3 * p + c] = skin[c] + 5 * coarse[p] + 3 * fine[p];
    }
    return lesion;
  }

  // A line of one pixel, as Pillow draws it (Bresenham), without its last point.
  function line(pixels, size, [x, y], [toX, toY], colour) {
    const [dx, dy] = [Math.abs(toX - x), Math.abs(toY - y)];
    const [stepX, stepY] = [toX < x ? -1 : 1, toY < y ? -1 : 1];
    const [long, short] = dx > dy ? [dx, dy] : [dy, dx];
    let error = 2 * short - long;
    for (let n = 0; n < long; n++) {
      dot(pixels, size, [x, y], colour);
      const both = error >= 0;
      if (both) error -= 2 * long;
      error += 2 * short;
      if (both || dx > dy) x += stepX;
      if (both || dx <= dy) y += stepY;
    }
  }

  function dot(pixels, size, [x, y], colour) {
    if (x >= 0 && x < size && y >= 0 && y < size) pixels.set(colour, 3 * (y * size + x));
  }

  // A dark arc across the image.
  function hair(pixels, size, rng) {
    let [x, y] = rng.several(2, () => rng.uniform(0, size));
    const turn = rng.uniform(0, TURN), bend = rng.normal(0, 1.2), step = (0.7 * size) / 12;
    const path = Array.from({ length: 12 }, (_, n) => {
      const angle = turn + (bend * n) / 11;
      x += step * Math.cos(angle);
      y += step * Math.sin(angle);
      return [Math.trunc(x), Math.trunc(y)];
    });
    const colour = [52, 36, 32];
    for (let n = 0; n < 11; n++) line(pixels, size, path[n], path[n + 1], colour);
    dot(pixels, size, path[11], colour);
  }

  // The dark rim of a round lens that reaches so far from the middle.
  const rim = (pixels, size, reach) => pixels.map((value, n) => {
    const p = Math.floor(n / 3);
    const distance = Math.hypot(across(p, size), down(p, size));
    return value * logistic((reach - distance) / 0.03);
  });

  // Ticks along the lower edge, every fifth one longer.
  function ruler(pixels, size) {
    for (let tick = 0; tick < 26; tick++) {
      const x = Math.trunc((tick * size) / 25);
      const top = Math.trunc(size - size * (tick % 5 ? 0.06 : 0.1));
      line(pixels, size, [x, size], [x, top], [70, 66, 66]);
      dot(pixels, size, [x, top], [70, 66, 66]);
    }
  }

  // Pixels 0 to 255, row by row, (size, size, 3).
  //
  // asked: dx, the class; lesion and camera, two seeds; and of what the seeds would choose,
  // what is to be otherwise: radius, roughness, turn, right, low, hairs (how many), rim, ruler.
  function draw(asked, size) {
    const rng = generator(asked.lesion), view = generator(asked.camera);
    const lesion = place(asked, size, rng, view);
    const [colour, weight] = BODY[asked.dx];
    const shade = rng.normal(0, 12);
    paint(lesion, () => 1, colour.map((value) => value + shade + rng.normal(0, 6)), weight);
    const signs = SIGNS[asked.dx];
    for (const sign of signs) {
      if (rng.random() < 0.85 || signs.length === 1) sign(lesion);
    }

    const [slopeX, slopeY] = view.several(2, () => view.normal());
    const tint = view.several(3, () => view.normal(1, 0.015));
    const bright = view.uniform(0.9, 1.06);
    const pixels = lesion.colours.map((value, n) => {
      const p = Math.floor(n / 3);
      const light = 1 + (0.08 * (slopeX * across(p, size) + slopeY * down(p, size))) / 2;
      return value * light * tint[n % 3] * bright + view.normal(0, 2.5);
    });
    const round = asked.rim ?? view.random() < 0.3;
    const lit = round ? rim(pixels, size, view.uniform(1, 1.25)) : pixels;
    const image = lit.map((value) => Math.floor(clip(value, 0, 255)));
    const some = view.random() < 0.3 ? 2 + Math.floor(6 * view.random()) : 0;
    for (let n = 0; n < (asked.hairs ?? some); n++) hair(image, size, view);
    if (asked.ruler ?? view.random() < 0.15) ruler(image, size);
    return image;
  }

  return { CLASSES, ROUGHNESS, generator, draw, hair, rim };
})();
