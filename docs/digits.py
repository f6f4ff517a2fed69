"""Write the page on which a browser says which digit it is shown: one file, with the network in it.

    python docs/digits.py [FOLDER]

writes FOLDER/digits.html, by default to docs/build. It needs scikit-learn. The documentation is built with it, see
conf.py; ``python -m reliability.browser`` in tests looks at it in a browser.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import fastmem

HERE = Path(__file__).parent
N_SHOWN, N_CHANGED = 60, 20
SHADES = "0123456789ABCDEFG"  # of a pixel
UNKNOWN = "unknown"


def network():
    """The network that memorizes the 1,797 handwritten digits, and knows other pictures as such."""
    X, y = load_digits(return_X_y=True)
    return fastmem.memorize(X, y, separate="all", fingerprint_bits=16, random_state=0)


def pictures():
    """The pictures on the page, 64 numbers from 0 to 16 each: some digits, and some upside down."""
    X = load_digits().data
    shown = X[:: len(X) // N_SHOWN][:N_SHOWN]
    return np.concatenate([shown, shown[:N_CHANGED, ::-1]])


def answers(net, X):
    """What the page says of pictures."""
    return [
        str(label) if known else UNKNOWN
        for label, known in zip(net.predict(X).tolist(), net.contains(X).tolist(), strict=True)
    ]


def page():
    """The text of the page."""
    net = network()
    with tempfile.TemporaryDirectory() as folder:
        net.to_js(Path(folder, "digits.mjs"))
        module = Path(folder, "digits.mjs").read_text()
    rows = ["".join(SHADES[int(pixel)] for pixel in row) for row in pictures()]
    return PAGE.replace("/* MODULE */", module).replace("/* PICTURES */", json.dumps(rows, indent=0))


def write(folder):
    """Write digits.html to a folder."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "digits.html"
    path.write_text(page(), encoding="utf-8")
    return path


PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Digits, memorized</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
  #drawing { display: grid; grid-template-columns: repeat(8, 2rem); width: max-content; border: 1px solid #888;
    touch-action: none; user-select: none; cursor: crosshair; }
  #drawing div { width: 2rem; height: 2rem; }
  #answer { font-size: 1.5rem; font-weight: bold; }
  #pictures { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-top: 1rem; }
  #pictures button { border: 1px solid #ccc; background: none; color: inherit; padding: 0.2rem; font: inherit;
    font-size: 0.75rem; cursor: pointer; }
  #pictures canvas { display: block; width: 48px; height: 48px; image-rendering: pixelated; }
</style>
</head>
<body>
<h1>Digits, memorized</h1>
<p>A threshold network that <em>memorizes</em> the 1,797 handwritten digits of scikit-learn, written by
<code>net.to_js</code> and evaluated here, in your browser. Take one of the pictures, or draw. It returns the label of
every digit that it was given, exactly, and says of nearly all other pictures that they are unknown: it has learned
nothing of what a 3 looks like. To draw, press a field again to darken it, or with Shift to lighten it.</p>
<div id="drawing"></div>
<p><output id="answer"></output> <button id="clear">Clear</button></p>
<div id="pictures"></div>
<script type="module">
/* MODULE */
const pictures = /* PICTURES */;

const shades = "0123456789ABCDEFG", drawing = document.getElementById("drawing"), row = new Float32Array(nFeatures);
const grey = (pixel) => `rgb(${[255, 255, 255].map((white) => Math.round(white * (1 - pixel / 16)))})`;
const answer = (x) => contains(x) ? String(predict(x)) : "unknown";
const numbers = (picture) => Float32Array.from(picture, (shade) => shades.indexOf(shade));

function show(x) {
  row.set(x);
  row.forEach((pixel, i) => (drawing.children[i].style.background = grey(pixel)));
  document.getElementById("answer").value = contains(row) ? `Memorized: ${predict(row)}` : "Unknown";
}

function paint(event) {
  const i = [...drawing.children].indexOf(document.elementFromPoint(event.clientX, event.clientY));
  if (event.buttons === 0 || i < 0) return;
  const x = row.slice();
  x[i] = event.shiftKey ? Math.max(x[i] - 4, 0) : Math.min(x[i] + (event.type === "pointerdown" ? 4 : 16), 16);
  show(x);
}

for (let i = 0; i < nFeatures; i++) drawing.append(document.createElement("div"));
drawing.addEventListener("pointerdown", paint);
drawing.addEventListener("pointermove", paint);
document.getElementById("clear").addEventListener("click", () => show(new Float32Array(nFeatures)));
for (const picture of pictures) {
  const button = document.createElement("button"), canvas = document.createElement("canvas"), x = numbers(picture);
  canvas.width = canvas.height = 8;
  const context = canvas.getContext("2d");
  x.forEach((pixel, i) => {
    context.fillStyle = grey(pixel);
    context.fillRect(i % 8, i >> 3, 1, 1);
  });
  button.append(canvas, answer(x));
  button.addEventListener("click", () => show(x));
  document.getElementById("pictures").append(button);
}
show(numbers(pictures[0]));
</script>
</body>
</html>
"""


if __name__ == "__main__":
    print(write(sys.argv[1] if len(sys.argv) > 1 else HERE / "build"))
