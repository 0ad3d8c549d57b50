// The paper's network once more, in plain JavaScript: what skinlib/models/proposed.py builds.
//
// A map is {height, width, channels, values}: values row by row, the channels of a place together.
// Weights are those of Keras, by Keras' names: a kernel is (rows, columns, channels, filters).
"use strict";

const network = (() => {
  const emptyMap = (height, width, channels) =>
    ({ height, width, channels, values: new Float64Array(height * width * channels) });

  const everywhere = (x, f) => ({ ...x, values: x.values.map(f) });

  const relu = (x) => everywhere(x, (value) => Math.max(value, 0));

  const sigmoid = (value) => 1 / (1 + Math.exp(-value));

  function softmax(values) {
    const largest = values.reduce((a, b) => Math.max(a, b), -Infinity);
    const powers = values.map((value) => Math.exp(value - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  }

  // outputs += inputs * matrix; the matrix is (inputs, outputs), row by row. Four rows at a time
  // are a third faster than one.
  function addProduct(inputs, matrix, outputs) {
    const count = outputs.length;
    let n = 0;
    for (; n + 3 < inputs.length; n += 4) {
      const a = inputs[n], b = inputs[n + 1], c = inputs[n + 2], d = inputs[n + 3];
      if (a === 0 && b === 0 && c === 0 && d === 0) continue; // after a ReLU, many are zero
      for (let f = 0, at = n * count; f < count; f++, at++) {
        outputs[f] += a * matrix[at] + b * matrix[at + count]
          + c * matrix[at + 2 * count] + d * matrix[at + 3 * count];
      }
    }
    for (; n < inputs.length; n++) {
      for (let f = 0; f < count; f++) outputs[f] += inputs[n] * matrix[n * count + f];
    }
  }

  // What a plain kernel sees at (row, column): the pixels around it, and zeros outside the map.
  function around(x, rows, columns) {
    return (row, column, seen) => {
      let at = 0;
      for (let i = row - (rows >> 1); i < row - (rows >> 1) + rows; i++) {
        for (let j = column - (columns >> 1); j < column - (columns >> 1) + columns; j++) {
          const inside = i >= 0 && i < x.height && j >= 0 && j < x.width;
          const from = (i * x.width + j) * x.channels;
          for (let c = 0; c < x.channels; c++) seen[at++] = inside ? x.values[from + c] : 0;
        }
      }
    };
  }

  // At each place: fetch what the kernel sees, multiply, add up.
  function convolution(x, { kernel, bias }, fetch) {
    const [rows, columns, channels, filters] = kernel.shape;
    fetch ??= around(x, rows, columns);
    const y = emptyMap(x.height, x.width, filters);
    const seen = new Float64Array(rows * columns * channels);
    for (let row = 0, at = 0; row < y.height; row++) {
      for (let column = 0; column < y.width; column++, at += filters) {
        const outputs = y.values.subarray(at, at + filters);
        if (bias) outputs.set(bias.values);
        fetch(row, column, seen);
        addProduct(seen, kernel.values, outputs);
      }
    }
    return y;
  }

  // The largest of 3 x 3 values at every second place. An even side is padded at its end only.
  function pool(x) {
    const y = emptyMap(Math.ceil(x.height / 2), Math.ceil(x.width / 2), x.channels);
    y.values.fill(-Infinity);
    for (let row = 0, to = 0; row < y.height; row++) {
      for (let column = 0; column < y.width; column++, to += x.channels) {
        const [top, left] = [2 * row - (x.height % 2), 2 * column - (x.width % 2)];
        for (let i = Math.max(top, 0); i < Math.min(top + 3, x.height); i++) {
          for (let j = Math.max(left, 0); j < Math.min(left + 3, x.width); j++) {
            const from = (i * x.width + j) * x.channels;
            for (let c = 0; c < x.channels; c++) {
              y.values[to + c] = Math.max(y.values[to + c], x.values[from + c]);
            }
          }
        }
      }
    }
    return y;
  }

  // seen += mask * x(row, column) between the pixels; a neighbour outside the map is zero.
  function addBilinear(x, row, column, mask, seen) {
    const [top, left] = [Math.floor(row), Math.floor(column)];
    for (const i of [top, top + 1]) {
      for (const j of [left, left + 1]) {
        if (i < 0 || i >= x.height || j < 0 || j >= x.width) continue;
        const share = mask * (1 - Math.abs(row - i)) * (1 - Math.abs(column - j));
        const from = (i * x.width + j) * x.channels;
        for (let c = 0; c < x.channels; c++) seen[c] += share * x.values[from + c];
      }
    }
  }

  // Eq. 1: a convolution that fetches elsewhere. `points` says where: [row, column, mask] each.
  function deformable(x, weights) {
    const moves = convolution(x, weights.offset).values; // 9 times (y, x), then 9 masks
    const points = (row, column) => Array.from({ length: 9 }, (_, k) => {
      const at = (row * x.width + column) * 27;
      return [
        row + Math.floor(k / 3) - 1 + moves[at + 2 * k], // p + p_k + offset_k
        column + (k % 3) - 1 + moves[at + 2 * k + 1],
        sigmoid(moves[at + 18 + k]),
      ];
    });
    const fetch = (row, column, seen) => {
      seen.fill(0);
      points(row, column).forEach(([i, j, mask], k) => {
        const part = seen.subarray(k * x.channels, (k + 1) * x.channels);
        addBilinear(x, i, j, mask, part);
      });
    };
    return { y: convolution(x, weights, fetch), points };
  }

  // Eq. 2: each map is a softmax over all places; alpha is their sum; the output t + gamma alpha t.
  function softAttention(t, { maps, gamma }) {
    const { channels, values } = convolution(t, maps);
    const alpha = new Float64Array(t.height * t.width);
    for (let k = 0; k < channels; k++) {
      const where = softmax(alpha.map((_, place) => values[place * channels + k]));
      where.forEach((value, place) => { alpha[place] += value; });
    }
    const scale = (value, n) => value * (1 + gamma.values[0] * alpha[Math.floor(n / t.channels)]);
    return { y: everywhere(t, scale), alpha };
  }

  // Of a trained network, batch normalisation is a scale and a shift per channel.
  function normalise(x, { gamma, beta, moving_mean, moving_variance }) {
    const scale = gamma.values.map((g, c) => g / Math.sqrt(moving_variance.values[c] + 1e-3));
    return everywhere(x, (value, n) => {
      const c = n % x.channels;
      return (value - moving_mean.values[c]) * scale[c] + beta.values[c];
    });
  }

  function concatenate(maps) {
    const channels = maps.reduce((sum, map) => sum + map.channels, 0);
    const y = emptyMap(maps[0].height, maps[0].width, channels);
    let first = 0;
    for (const map of maps) {
      map.values.forEach((value, n) => {
        const place = Math.floor(n / map.channels);
        y.values[place * channels + first + (n % map.channels)] = value;
      });
      first += map.channels;
    }
    return y;
  }

  function dense(inputs, { kernel, bias }) {
    const outputs = bias.values.slice();
    addProduct(inputs, kernel.values, outputs);
    return outputs;
  }

  // From pixels, 0 to 255, row by row, to the answer and all that is shown beside it.
  function run({ weights, options, size }, pixels) {
    const steps = []; // [name, map] in the order of the figure
    const note = (name, map) => { steps.push([name, map]); return map; };
    const convolve = (x, name) => {
      const y = relu(convolution(x, weights[name]));
      return options.batch_norm ? normalise(y, weights[`${name}_norm`]) : y;
    };
    let points = null, alpha = null;

    let x = { height: size, width: size, channels: 3, values: Float64Array.from(pixels) };
    x = everywhere(x, (value) => value / 255);
    const first = [1, 3, 5, 7].map((side, n) => convolve(x, `conv${n + 1}_${side}x${side}`));
    x = note("convolutions 1 to 4", concatenate(first));
    for (let number = 4; number <= 10; number++) {
      if (number > 4) x = note(`convolution ${number}`, convolve(x, `conv${number}`));
      if (number === 8 && options.deformable) {
        const { y, points: found } = deformable(x, weights.deformable);
        points = found;
        x = note("deformable convolution", relu(y));
      } else if (number === 8) {
        x = note("plain convolution", relu(convolution(x, weights.plain_deformable)));
      }
      if (number === 9 && options.attention) {
        const { y, alpha: found } = softAttention(x, weights.attention);
        alpha = { ...x, channels: 1, values: found };
        x = note("soft attention", y);
      } else if (number === 9) {
        x = note("plain convolution", relu(convolution(x, weights.plain_attention)));
      }
      if (options.pools.includes(number)) x = pool(x);
    }
    const hidden = [];
    let values = x.values;
    for (let n = 1; n <= options.dense; n++) {
      values = dense(values, weights[`dense${n}`]).map((value) => Math.max(value, 0));
      hidden.push(values);
    }
    const probabilities = softmax(dense(values, weights.probabilities));
    return { probabilities, alpha, points, steps, hidden };
  }

  // inputs of a dense layer <- outputs: the same matrix, the other way round.
  function backwards(gradient, { kernel }) {
    const [inputs, outputs] = kernel.shape;
    const sums = new Float64Array(inputs);
    for (let n = 0; n < inputs; n++) {
      for (let f = 0; f < outputs; f++) sums[n] += gradient[f] * kernel.values[n * outputs + f];
    }
    return sums;
  }

  // Grad-CAM for a class, of convolution 10. A pool hands each gradient on to one place, so the
  // sum over places, which is all that Grad-CAM asks for, is the same before and after it.
  function gradCam({ weights }, { steps, hidden }, label) {
    const [, last] = steps.at(-1);
    let gradient = Float64Array.from({ length: 7 }, (_, c) => (c === label ? 1 : 0));
    gradient = backwards(gradient, weights.probabilities);
    for (let n = hidden.length; n >= 1; n--) {
      gradient = gradient.map((value, f) => (hidden[n - 1][f] > 0 ? value : 0)); // through ReLU
      gradient = backwards(gradient, weights[`dense${n}`]);
    }
    const channelWeights = new Float64Array(last.channels);
    gradient.forEach((value, n) => { channelWeights[n % last.channels] += value; });
    const heat = emptyMap(last.height, last.width, 1);
    last.values.forEach((value, n) => {
      const at = Math.floor(n / last.channels);
      heat.values[at] += (value * channelWeights[n % last.channels]) / heat.values.length;
    });
    return relu(heat);
  }

  // 16 bits: one of sign, five of exponent, ten of fraction.
  function half(bits) {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const sign = bits >> 15 ? -1 : 1;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  // The weights as nested names, {conv5: {kernel: {shape, values}, bias: ...}, ...}.
  function unpack({ names, base64, ...about }) {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const halves = new Uint16Array(bytes.buffer);
    const weights = {};
    let at = 0;
    for (const [path, shape] of names) {
      const count = shape.reduce((a, b) => a * b, 1);
      const values = Float64Array.from(halves.subarray(at, at + count), half);
      at += count;
      const parts = path.split("/");
      const last = parts.pop();
      let inner = weights;
      for (const part of parts) inner = inner[part] ??= {};
      inner[last] = { shape, values };
    }
    return { ...about, weights };
  }

  return { run, gradCam, unpack };
})();
