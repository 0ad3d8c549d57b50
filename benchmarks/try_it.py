"""How long the page 'Try it' needs for an answer, in Chromium: one network, one image of 64 x 64.

The first answers, which the browser spends on compiling, do not count. On a busy machine the time
on the clock is the others' too; that of the processor is not.

    python benchmarks/try_it.py [--rounds 40]
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from statistics import median

import psutil

from skinlib.book import try_it
from skinlib.environment import processor

ROOT = Path(__file__).parents[1]

ANSWERS = """(rounds) => Array.from({ length: rounds }, (_, n) => {
  const asked = { dx: phantom.CLASSES[n % 7], lesion: n, camera: n };
  const image = phantom.draw(asked, 64);
  const start = performance.now();
  network.run(loaded[n % loaded.length], image);
  return performance.now() - start;
})"""


def main() -> None:
    from skinlib.book.pdf import open_browser  # needs the extra `browser`

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        root = Path(folder)
        shutil.copytree(ROOT / "book" / try_it.FOLDER, root / try_it.FOLDER)
        try_it.publish(try_it.chosen(ROOT / "book" / "results"), root)
        page = browser.new_page()
        page.add_script_tag(
            content="const loaded = [];"
            "const tryIt = { received: (_, net) => loaded.push(network.unpack(net)) };"
        )
        for name in ("network", "phantom", "network0", "network1"):
            page.add_script_tag(path=root / try_it.FOLDER / f"{name}.js")
        page.evaluate(ANSWERS, 10)
        before = processor_seconds()
        times = page.evaluate(ANSWERS, rounds)
        work = processor_seconds() - before
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"one answer: {median(times):.0f} ms, the fastest {min(times):.0f} ms")
    print(f"of the processor, the drawing of the image included: {1e3 * work / rounds:.0f} ms")


def processor_seconds() -> float:
    """What the browser's processes have used so far."""
    return sum(child.cpu_times().user for child in psutil.Process().children(recursive=True))


if __name__ == "__main__":
    main()
