// What may happen to an image without a doctor's changing his mind; and an image of nothing.
//
// An image is its pixels, 0 to 255, row by row, (size, size, 3).
"use strict";

const changes = (() => {
  // The image whose pixel (row, column) is the old one's from(row, column).
  function rearranged(image, size, from) {
    return image.map((_, n) => {
      const [pixel, c] = [Math.floor(n / 3), n % 3];
      const [row, column] = from(Math.floor(pixel / size), pixel % size);
      return image[3 * (row * size + column) + c];
    });
  }

  const moved = (image, size) =>
    rearranged(image, size, (row, column) => [row, Math.max(column - 1, 0)]);

  const turned = (image, size) =>
    rearranged(image, size, (row, column) => [size - 1 - column, row]);

  function withHair(image, size, { lesion }) {
    const copy = image.slice();
    phantom.hair(copy, size, phantom.generator(lesion + 1000));
    return copy;
  }

  const warmer = (image) => image.map((value, n) => Math.min(value * [1.08, 1, 0.92][n % 3], 255));

  const rimmed = (image, size) => phantom.rim(image, size, 1.1);

  const nothing = (image, size, asked) => phantom.draw({ ...asked, radius: 1e-6 }, size);

  // Half the sum of the differences: the share of the probability that changes hands, 0 to 1.
  const distance = (p, q) => p.reduce((sum, value, c) => sum + Math.abs(value - q[c]), 0) / 2;

  const ALL = [
    ["Move by one pixel", moved],
    ["Add a hair", withHair],
    ["Turn by 90 degrees", turned],
    ["Make the light warmer", warmer],
    ["Darken the corners", rimmed],
    ["Empty skin", nothing],
  ];

  return { ALL, distance };
})();
