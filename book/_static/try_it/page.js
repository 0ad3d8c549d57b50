// The page 'Try it': what the reader sets, and what the networks make of it.
"use strict";

const tryIt = (() => {
  const NAMES = {
    akiec: "actinic keratosis", bcc: "basal cell carcinoma", bkl: "benign keratosis",
    df: "dermatofibroma", mel: "melanoma", nv: "melanocytic nevus", vasc: "vascular lesion",
  };
  const LESIONS = 21; // for an average: three of each class
  const find = (id) => document.getElementById(`try-${id}`);
  const percent = (share) => `${Math.round(100 * share)}\u00a0%`;
  const state = {
    asked: { lesion: 8, camera: 8, right: 0, low: 0, rim: false }, // see phantom.draw
    own: null, // the reader's image
    change: null, // of changes.ALL
    place: [1, 1], // row and column on the map of the deformable convolution
  };
  let offered = [];
  const networks = []; // loaded

  function make(tag, attributes = {}, ...children) {
    const element = Object.assign(document.createElement(tag), attributes);
    element.append(...children);
    return element;
  }

  // The image at a network's size, as the reader has set it; then changed.
  function plainImage(size) {
    if (!state.own) return phantom.draw(state.asked, size);
    const context = make("canvas", { width: size, height: size }).getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(state.own, 0, 0, size, size);
    const rgba = context.getImageData(0, 0, size, size).data;
    return Float64Array.from(rgba).filter((_, n) => n % 4 < 3);
  }

  function best(probabilities) {
    const label = probabilities.indexOf(Math.max(...probabilities));
    return { label, name: NAMES[phantom.CLASSES[label]], share: percent(probabilities[label]) };
  }

  // Reading what the reader sets

  function readControls() {
    const number = (id) => Number(find(id).value);
    Object.assign(state.asked, {
      dx: find("class").value,
      radius: number("radius"),
      roughness: number("roughness"),
      turn: (number("turn") * Math.PI) / 180,
      hairs: number("hairs"),
      ruler: find("ruler").checked,
    });
  }

  function listen() {
    for (const [dx, name] of Object.entries(NAMES)) {
      find("class").append(make("option", { value: dx, textContent: name }));
    }
    find("class").value = "mel";
    find("class").addEventListener("change", () => {
      find("roughness").value = phantom.ROUGHNESS[find("class").value] ?? 0.05;
    });
    find("controls").addEventListener("input", () => { readControls(); refresh(); });
    find("controls").addEventListener("change", () => { readControls(); refresh(); });
    find("another").addEventListener("click", () => {
      state.asked.lesion += 1;
      state.asked.camera += 1;
      refresh();
    });
    find("load").addEventListener("click", load);
    find("measure").addEventListener("click", measure);
    find("file").addEventListener("change", takeOwn);
    find("back").addEventListener("click", () => setOwn(null));

    const image = find("image");
    const put = (right, low) => {
      state.asked.right = Math.min(Math.max(right, -0.7), 0.7);
      state.asked.low = Math.min(Math.max(low, -0.7), 0.7);
      refresh();
    };
    image.addEventListener("pointerdown", (event) => image.setPointerCapture(event.pointerId));
    image.addEventListener("pointermove", (event) => {
      if (!event.buttons || state.own) return;
      const unit = 2 / image.clientWidth;
      put(state.asked.right + event.movementX * unit, state.asked.low + event.movementY * unit);
    });
    onArrows(image, (right, down) => {
      const pixel = 2 / (networks[0]?.size ?? 64);
      put(state.asked.right + right * pixel, state.asked.low + down * pixel);
    });
  }

  function onArrows(element, act) {
    const steps = {
      ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
    };
    element.addEventListener("keydown", (event) => {
      if (!(event.key in steps)) return;
      event.preventDefault();
      act(...steps[event.key]);
    });
  }

  async function takeOwn() {
    const [file] = find("file").files;
    if (!file) return;
    try {
      setOwn(await createImageBitmap(file));
    } catch {
      find("status").textContent = `${file.name} is no image that this browser can read.`;
    }
  }

  function setOwn(own) {
    state.own = own;
    if (!own) find("file").value = "";
    find("controls").disabled = Boolean(own);
    find("back").hidden = !own;
    refresh();
  }

  // Loading networks

  function offer(list) {
    offered = list;
    const bytes = list.reduce((sum, { bytes: each }) => sum + each, 0);
    const what = list.length === 1 ? "the network" : `${list.length} networks`;
    find("load").textContent = `Load ${what} (${(bytes / 1e6).toFixed(1)} MB)`;
    find("load").hidden = false;
    find("status").textContent = "";
  }

  function load() {
    find("load").disabled = true;
    find("status").textContent = "Loading ...";
    for (const { file } of offered) {
      const script = make("script", { src: `../_static/try_it/${file}` });
      script.onerror = () => { find("status").textContent = `${file} cannot be read.`; };
      document.head.append(script);
    }
  }

  function received(file, packed) {
    const number = offered.findIndex((one) => one.file === file);
    networks[number] = { ...network.unpack(packed), ...offered[number] };
    if (Object.keys(networks).length < offered.length) return;
    find("load").hidden = true;
    networks.forEach(addColumn);
    addLessons();
    find("answers").hidden = false;
    refresh();
  }

  // One column for each network

  function addColumn(net) {
    const part = {};
    const figure = (name, attributes = {}) => {
      const picture = make("canvas", { width: 256, height: 256 });
      picture.setAttribute("role", "img");
      const caption = make("figcaption");
      Object.assign(picture, attributes);
      part[name] = (text) => {
        caption.textContent = text;
        picture.setAttribute("aria-label", text);
        return picture;
      };
      return make("figure", {}, picture, caption);
    };
    part.says = make("p", { className: "says" });
    part.bars = phantom.CLASSES.map((dx) => {
      const [share, bar, mark] = [make("span"), make("i"), make("b")];
      const name = make("span", { textContent: NAMES[dx] });
      const row = make("li", {}, name, share, make("div", {}, bar, mark));
      return { name, share, bar, mark, row };
    });
    const points = figure("points", { tabIndex: 0 });
    points.firstChild.setAttribute("role", "application");
    points.addEventListener("click", ({ offsetX, offsetY, target }) => {
      if (target !== points.firstChild || !net.answer.points) return;
      const [, { height, width }] = eighth(net);
      moveTo(
        Math.floor((offsetY / target.clientHeight) * height),
        Math.floor((offsetX / target.clientWidth) * width),
      );
    });
    onArrows(points.firstChild, (right, down) =>
      moveTo(state.place[0] + down, state.place[1] + right));
    part.funnel = make("div");
    part.details = make("details", {}, make("summary", { textContent: "The maps of each layer" }),
      part.funnel);
    part.details.addEventListener("toggle", () => showFunnel(net));
    find("networks").append(make("section", {},
      make("h3", { textContent: net.title }),
      make("p", { className: "about", textContent: net.about }),
      part.says,
      make("ol", {}, ...part.bars.map(({ row }) => row)),
      figure("heat"), figure("alpha"), points, part.details));
    net.part = part;
  }

  const eighth = (net) => net.answer.steps.find(([name]) => name === "deformable convolution");

  function moveTo(row, column) {
    const map = networks.map((net) => eighth(net)?.[1]).find(Boolean);
    state.place = [[row, map.height], [column, map.width]].map(
      ([at, count]) => Math.min(Math.max(at, 0), count - 1));
    refresh();
  }

  function show(net) {
    const { part, answer, before } = net;
    const said = best(answer.probabilities);
    part.says.textContent = `says ${said.name}, ${said.share}`;
    phantom.CLASSES.forEach((dx, c) => {
      const { name, share, bar, mark } = part.bars[c];
      const drawn = !state.own && dx === state.asked.dx;
      name.textContent = NAMES[dx] + (drawn ? " (drawn)" : "");
      share.textContent = percent(answer.probabilities[c]);
      bar.style.width = `${100 * answer.probabilities[c]}%`;
      mark.hidden = !state.change;
      mark.style.left = `${100 * before.probabilities[c]}%`;
    });
    const heat = network.gradCam(net, answer, said.label);
    const highest = Math.max(...heat.values);
    const empty = highest > 0 ? "" : " Empty: nothing in this layer speaks for it.";
    canvas.overlay(part.heat(`Heat map: what speaks for ${said.name}.${empty}`),
      net.image, net.size, heat, highest);
    showAlpha(net);
    showPoints(net);
    showFunnel(net);
  }

  function showAlpha({ part, answer: { alpha }, image, size, weights }) {
    if (!alpha) {
      canvas.image(part.alpha("This network has no soft attention."), image, size);
      return;
    }
    const gamma = weights.attention.gamma.values[0];
    const [least, most] = [Math.min(...alpha.values), Math.max(...alpha.values)];
    const factor = (value) => (1 + gamma * value).toFixed(2);
    const text = `Soft attention: multiplies by ${factor(least)} (dark) to ${factor(most)} (bright).`;
    canvas.overlay(part.alpha(text), image, size, alpha, most, least);
  }

  function showPoints(net) {
    const { part, answer: { points }, image, size } = net;
    if (!points) {
      const text = "This network has no deformable convolution.";
      canvas.image(part.points(text), image, size);
      return;
    }
    const [, { height, width }] = eighth(net);
    const [row, column] = [Math.min(state.place[0], height - 1), Math.min(state.place[1], width - 1)];
    const found = points(row, column);
    const lengths = found.map(([i, j], k) =>
      Math.hypot(i - row - Math.floor(k / 3) + 1, j - column - (k % 3) + 1) * (size / height));
    const mean = lengths.reduce((a, b) => a + b) / 9;
    const text = "Deformable convolution: touch a place, or use the arrow keys. Its nine points "
      + `move by ${mean.toFixed(1)} pixels of the image on average, ${Math.max(...lengths).toFixed(1)}`
      + ` at most; a place is ${size / height} wide.`;
    canvas.points(part.points(text), image, size, found, [row, column], [height, width]);
  }

  function showFunnel({ part, answer }) {
    if (!part.details.open) return;
    part.funnel.replaceChildren(...answer.steps.map(([name, map]) => {
      const tiles = make("canvas");
      const live = canvas.tiles(tiles, map);
      const text = `${name}: ${map.height} x ${map.width} places, ${map.channels} channels, `
        + `${live} of them above zero somewhere`;
      tiles.setAttribute("role", "img");
      tiles.setAttribute("aria-label", text);
      return make("figure", {}, tiles, make("figcaption", { textContent: text }));
    }));
  }

  // The lessons

  function addLessons() {
    const heads = networks.map(({ title }) => make("th", { scope: "col", textContent: title }));
    find("lessons").append(make("tr", {}, make("td"), ...heads));
    for (const change of changes.ALL) {
      const button = make("button", { type: "button", textContent: change[0] });
      button.addEventListener("click", () => {
        state.change = state.change === change ? null : change;
        refresh();
      });
      const cells = networks.map(() => make("td"));
      find("lessons").append(make("tr", {}, make("th", { scope: "row" }, button), ...cells));
      change.button = button;
      change.cells = cells;
    }
  }

  function showLessons() {
    for (const change of changes.ALL) {
      change.button.setAttribute("aria-pressed", state.change === change);
      networks.forEach(({ answer, before }, n) => {
        const [was, now] = [best(before.probabilities), best(answer.probabilities)];
        const moved = changes.distance(before.probabilities, answer.probabilities);
        const other = was.label === now.label ? `still ${now.name}` : `now ${now.name}`;
        change.cells[n].textContent =
          state.change === change ? `moves by ${percent(moved)}; ${other}, ${now.share}` : "";
      });
    }
  }

  // The same over many lesions, so that nobody has to trust one.
  async function measure() {
    find("measure").disabled = true;
    state.change = null;
    refresh();
    const sums = changes.ALL.map(() => networks.map(() => ({ moved: 0, other: 0 })));
    for (let n = 0; n < LESIONS; n++) {
      find("progress").textContent = `lesion ${n + 1} of ${LESIONS}`;
      const asked = { dx: phantom.CLASSES[n % 7], lesion: 500 + n, camera: 900 + n, rim: false };
      for (const [m, net] of networks.entries()) {
        const image = phantom.draw(asked, net.size);
        const before = network.run(net, image).probabilities;
        for (const [row, [, apply]] of changes.ALL.entries()) {
          await new Promise((resolve) => { setTimeout(resolve); }); // lets the page breathe
          const after = network.run(net, apply(image, net.size, asked)).probabilities;
          sums[row][m].moved += changes.distance(before, after);
          sums[row][m].other += best(before).label !== best(after).label;
        }
      }
    }
    changes.ALL.forEach(({ cells }, row) => networks.forEach((_, m) => {
      const { moved, other } = sums[row][m];
      cells[m].textContent =
        `moves by ${percent(moved / LESIONS)} on average; another answer for ${other} of ${LESIONS}`;
    }));
    find("progress").textContent = "";
    find("measure").disabled = false;
  }

  // Showing all of it, at most once a frame

  let waiting = false;

  function refresh() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; render(); });
  }

  function render() {
    const apply = state.change?.[1] ?? ((image) => image);
    const sizes = networks.length ? networks.map((net) => net.size) : [64];
    const images = new Map([...new Set(sizes)].map((size) => {
      const plain = plainImage(size);
      return [size, [plain, apply(plain, size, state.asked)]];
    }));
    canvas.image(find("image"), images.get(sizes[0])[1], sizes[0]);
    if (find("answers").hidden) return;
    for (const net of networks) {
      const [plain, changed] = images.get(net.size);
      net.image = changed;
      net.answer = network.run(net, changed);
      net.before = state.change ? network.run(net, plain) : net.answer;
      show(net);
    }
    showLessons();
    const words = networks.map(({ title, answer: { probabilities } }) => {
      const { name, share } = best(probabilities);
      return `The network ${title} says ${name}, ${share}.`;
    });
    if (state.change) words.unshift(`${state.change[0]}:`);
    find("status").textContent = words.join(" ");
  }

  listen();
  readControls();
  render();
  return { offer, received };
})();
