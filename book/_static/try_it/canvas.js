// Images and maps on a canvas, drawn as in the book's figures.
"use strict";

const canvas = (() => {
  const CIVIDIS = [
    [0, 34, 78], [26, 56, 111], [67, 78, 108], [97, 101, 111], [125, 124, 120],
    [155, 148, 118], [188, 174, 108], [222, 201, 88], [254, 232, 56],
  ];

  function colour(value) {
    const at = Math.min(Math.max(value, 0), 1) * 8;
    const low = Math.min(Math.floor(at), 7);
    return CIVIDIS[low].map((c, n) => c + (at - low) * (CIVIDIS[low + 1][n] - c));
  }

  // A small canvas, one pixel for each place; paint(pixel) gives its red, green, blue.
  function bitmap(width, height, paint) {
    const small = Object.assign(document.createElement("canvas"), { width, height });
    const context = small.getContext("2d");
    const data = context.createImageData(width, height);
    for (let p = 0; p < width * height; p++) data.data.set([...paint(p), 255], 4 * p);
    context.putImageData(data, 0, 0);
    return small;
  }

  function image(element, pixels, size, grey = false) {
    const context = element.getContext("2d");
    context.imageSmoothingEnabled = false;
    const small = bitmap(size, size, (p) => {
      const rgb = pixels.slice(3 * p, 3 * p + 3);
      return grey ? Array(3).fill((rgb[0] + rgb[1] + rgb[2]) / 3) : rgb;
    });
    context.drawImage(small, 0, 0, element.width, element.height);
    return context;
  }

  // A map of one channel over the grey image, bright where it is large; each place fills its cell.
  function overlay(element, pixels, size, map, largest, smallest = 0) {
    const context = image(element, pixels, size, true);
    const paint = (p) => {
      const value = bilinear(map, (Math.floor(p / size) + 0.5) / size, ((p % size) + 0.5) / size);
      return colour((value - smallest) / (largest - smallest || 1));
    };
    context.globalAlpha = 0.6;
    context.imageSmoothingEnabled = true;
    context.drawImage(bitmap(size, size, paint), 0, 0, element.width, element.height);
    context.globalAlpha = 1;
  }

  // A map between its places, at shares 0 to 1 of its height and width.
  function bilinear({ height, width, values }, down, across) {
    const row = Math.min(Math.max(down * height - 0.5, 0), height - 1);
    const column = Math.min(Math.max(across * width - 0.5, 0), width - 1);
    const [top, left] = [Math.floor(row), Math.floor(column)];
    const [below, right] = [Math.min(top + 1, height - 1), Math.min(left + 1, width - 1)];
    const mix = (a, b, share) => a + (b - a) * share;
    return mix(
      mix(values[top * width + left], values[top * width + right], column - left),
      mix(values[below * width + left], values[below * width + right], column - left),
      row - top,
    );
  }

  // Eq. 1 at one place: crosses where a plain kernel looks, discs where this one does; a disc's
  // area is its mask.
  function points(element, pixels, size, found, [row, column], [height, width]) {
    const context = image(element, pixels, size);
    const [tall, wide] = [element.height / height, element.width / width];
    const to = (i, j) => [(j + 0.5) * wide, (i + 0.5) * tall];
    context.lineWidth = 3;
    for (const style of ["white", "black"]) {
      context.strokeStyle = style;
      context.strokeRect(column * wide, row * tall, wide, tall);
      context.lineWidth = 1;
    }
    found.forEach(([i, j, mask], k) => {
      const [x, y] = to(row + Math.floor(k / 3) - 1, column + (k % 3) - 1);
      context.strokeStyle = "white";
      context.beginPath();
      for (const [dx, dy] of [[7, 0], [0, 7]]) {
        context.moveTo(x - dx, y - dy);
        context.lineTo(x + dx, y + dy);
      }
      const [toX, toY] = to(i, j);
      context.moveTo(x, y);
      context.lineTo(toX, toY);
      context.stroke();
      context.beginPath();
      context.arc(toX, toY, 7 * Math.sqrt(mask), 0, 2 * Math.PI);
      context.fillStyle = "#E69F00";
      context.fill();
      context.strokeStyle = "black";
      context.stroke();
    });
  }

  // The channels of a layer as tiles, the strongest first; all on one scale.
  function tiles(element, { height, width, channels, values }) {
    const [columns, side, gap] = [8, 40, 2];
    const strongest = new Float64Array(channels);
    values.forEach((value, n) => {
      strongest[n % channels] = Math.max(strongest[n % channels], value);
    });
    const order = [...strongest.keys()].sort((a, b) => strongest[b] - strongest[a]).slice(0, 16);
    element.width = columns * (side + gap);
    element.height = Math.ceil(order.length / columns) * (side + gap);
    const context = element.getContext("2d");
    context.imageSmoothingEnabled = false;
    order.forEach((c, n) => {
      const scale = strongest[order[0]] || 1;
      const tile = bitmap(width, height, (p) => colour(values[p * channels + c] / scale));
      const [x, y] = [(n % columns) * (side + gap), Math.floor(n / columns) * (side + gap)];
      context.drawImage(tile, x, y, side, side);
    });
    return strongest.filter((value) => value > 0).length;
  }

  return { image, overlay, points, tiles };
})();
