"""Writes networks of all kinds, and `answers.json`: what they answered on x86-64, which every machine must answer.

They are never written again, since networks of another machine may differ, and answers may not: what this shows is how
they were made. A network that is there is left as it is, and so are its answers.

    cd tests && python -m files.answers.make
"""

import json
from pathlib import Path

from files.answers.cases import CASES, answers, digest, inputs, shown

import fastmem

FOLDER = Path(__file__).parent
FILE = FOLDER / "answers.json"
N_INPUTS = 900


def saved():
    """The names and files of the networks."""
    return {name: FOLDER / f"{name.replace(' ', '_').replace(',', '')}.safetensors" for name in CASES}


def answered(name, path):
    """Answers of a network in a file, as they are kept."""
    net, (X, _) = fastmem.load(path), CASES[name](1)
    rows = inputs(net, X, N_INPUTS)
    return {"inputs": digest(rows)} | {key: shown(array) for key, array in answers(net, rows).items()}


def main():
    """Write what is missing."""
    kept = json.loads(FILE.read_text("ascii")) if FILE.exists() else {}
    for name, path in saved().items():
        if not path.exists():
            CASES[name](1)[1]().save(path)
        if name not in kept:
            kept[name] = answered(name, path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in kept.items())
    FILE.write_text(f"{{\n{lines}\n}}\n", encoding="ascii", newline="\n")


if __name__ == "__main__":
    main()
