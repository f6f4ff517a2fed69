"""What a type checker says of code that uses fastmem: `mypy --strict` and pyright over every example and two programs.

    pip install torch ".[test,partners,types]" && python tests/types/check_examples.py

The examples are those of README and of the pages in docs, one module a page, whose lines have the numbers they have on
the page. They are typed as at a prompt: names may get values of other types, and functions without annotations are
checked inside. `user_program.py` is checked as strictly as both tools can, and run. In `mistakes.py` both tools must
report each line that ends in ``# error``, and no other. Against the installed package, as users have it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM, MISTAKES = "user_program.py", "mistakes.py"

# What a page takes for granted.
BEFORE = {
    "pictures": "import fastmem, numpy as np; X = np.eye(9); y = np.arange(9); net = fastmem.memorize(X, y); "
    "sizes = neurons_binary = neurons_integer = y",
}
# Lines that are right, and what makes a checker doubt it.
DOUBTED = {">>> bool((labels == y).all())": "onnxruntime says that any output may be a list, a dict or a sparse tensor"}
# Packages without types, of which users say the same to mypy.
UNTYPED = ("numba", "onnxruntime", "sklearn")

MYPY = f"""\
[mypy]
strict = True
[mypy-pages.*]
allow_redefinition = True
disable_error_code = no-untyped-def, untyped-decorator, no-untyped-call
[mypy-{",".join(f"{name}.*" for name in UNTYPED)}]
ignore_missing_imports = True
"""
PYRIGHT = {
    "strict": [PROGRAM],
    "reportUnusedExpression": "none",
    "reportMissingModuleSource": "none",
}


def module_of(page):
    """The Python code of a page, each line in its place."""
    lines, is_code, is_session = page.read_text(encoding="utf-8").splitlines(), False, False
    code = []
    for number, line in enumerate(lines):
        if line.startswith("```"):
            is_code = line == "```python"
            is_session = is_code and lines[number + 1].startswith(">>> ")
            code.append("")
        elif is_session:
            code.append(line[4:] if line.startswith((">>> ", "... ")) else "")
        else:
            code.append(line if is_code else "")
    code[0] = BEFORE.get(page.stem, "")
    return "\n".join(code) + "\n"


def write_modules(folder):
    """The modules to check in a folder, by the file that each is made of, from the checkout's root."""
    (folder / "pages").mkdir()
    (folder / "pages" / "__init__.py").touch()
    sources = {}
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        code = module_of(page)
        if code.strip():
            name = "_".join(page.relative_to(ROOT).with_suffix("").parts)
            path = folder / "pages" / f"page_{name}.py"
            path.write_text(code, encoding="utf-8")
            sources[path] = page.relative_to(ROOT)
    for program in (PROGRAM, MISTAKES):
        sources[folder / program] = (HERE / program).relative_to(ROOT)
        shutil.copy(HERE / program, folder)
    return sources


def mypy(folder, sources):
    """Errors that mypy finds: a set of (path, line, message)."""
    (folder / "mypy.ini").write_text(MYPY, encoding="utf-8")
    names = [str(path.relative_to(folder)) for path in sources]
    for line in _run(["mypy", "--config-file", "mypy.ini", "--output", "json", *names], folder).splitlines():
        error = json.loads(line)
        if error["severity"] == "error":
            yield folder / error["file"], error["line"], f"{error['message']} [{error['code']}]"


def pyright(folder, sources):
    """Errors that pyright finds: a set of (path, line, message)."""
    (folder / "pyrightconfig.json").write_text(json.dumps(PYRIGHT), encoding="utf-8")
    found = json.loads(_run(["pyright", "--outputjson", "--pythonpath", sys.executable], folder))
    for error in found["generalDiagnostics"]:
        if error["severity"] == "error":
            message = error["message"].replace("\n", " ")
            yield Path(error["file"]), error["range"]["start"]["line"] + 1, f"{message} [{error.get('rule')}]"


def _run(command, folder):
    environment = {name: value for name, value in os.environ.items() if name not in ("MYPYPATH", "PYTHONPATH")}
    done = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode > 1 or done.stderr.strip():
        raise SystemExit(f"{command[0]} did not run: {done.stdout}{done.stderr}")
    return done.stdout


def complaints(checker, folder, sources):
    """All that a checker says and should not, or does not say and should, as sentences."""
    lines = (HERE / MISTAKES).read_text(encoding="utf-8").splitlines()
    wrong = {number for number, line in enumerate(lines, 1) if line.endswith("  # error")}
    reported = set()
    for path, line, message in checker(folder, sources):
        if path.name == MISTAKES and line in wrong:
            reported.add(line)
        elif (ROOT / sources[path]).read_text(encoding="utf-8").splitlines()[line - 1] not in DOUBTED:
            yield f"{checker.__name__}: {sources[path]}:{line}: {message}"
    yield from (f"{checker.__name__}: {MISTAKES}:{line} is wrong and not reported" for line in sorted(wrong - reported))


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        sources = write_modules(folder)
        found = [line for checker in (mypy, pyright) for line in complaints(checker, folder, sources)]
        subprocess.run([sys.executable, PROGRAM], cwd=folder, check=True)
    print(*found, f"{len(sources)} files: {len(found)} complaints of mypy and pyright", sep="\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
