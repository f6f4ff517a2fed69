"""C files on other processors: compiled for them, run under emulation, and what they take there.

Networks are written as C in both forms and compiled for this machine, for 32-bit x86, and for Arm Cortex-M without an
operating system: M0, without floating-point arithmetic; M4, with that of float; M7, with double. Programs run with
rows and expected answers inside: memorized rows, others, rows on hyperplanes and beside them, subnormal and huge ones.
Every answer must be that of `predict` and `contains`. Sizes are printed of the network's file at -Os: *code* and
*tables*, and *stack* as the compiler reports it for the function that takes most.

    cd tests && python -m reliability.devices

takes what it finds of gcc, gcc -m32 (gcc-multilib) and arm-none-eabi-gcc (gcc-arm-none-eabi, libnewlib-arm-none-eabi)
with qemu-system-arm, and says what is missing. *Instructions* are those of the emulated processor for one label, on
average of these rows, many of which are hard: they need integers.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from oracles import c_programs
from support import exported, saved

import fastmem

LINK = """
MEMORY {{ flash : ORIGIN = 0, LENGTH = {flash} ram : ORIGIN = 0x20000000, LENGTH = 16K }}
ENTRY(reset)
SECTIONS {{
    .text : {{ KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.ARM.exidx*) }} > flash
    .bss : {{ *(.data*) *(.bss*) *(COMMON) }} > ram
}}
"""
ARM = ("arm-none-eabi-gcc", "-mthumb", "-ffunction-sections", "-fdata-sections")
QEMU = (
    "qemu-system-arm", "-display", "none", "-monitor", "none", "-serial", "none", "-icount", "shift=0",
    "-semihosting-config", "enable=on,target=native",
)  # fmt: skip
BARE = ("--specs=nosys.specs", "-nostartfiles", "-Wl,--gc-sections", "-Tlink.ld")


@dataclass(frozen=True)
class Device:
    """A processor: its compiler, the machine that qemu emulates, and instructions of that for each of its ticks."""

    compiler: tuple
    machine: str = ""
    flash: str = ""
    tick: float = 0.0


DEVICES = {
    "this machine": Device(("gcc",)),
    "32-bit x86": Device(("gcc", "-m32")),
    "32-bit x86, x87": Device(("gcc", "-m32", "-mfpmath=387", "-march=i686")),
    "Cortex-M0": Device((*ARM, "-mcpu=cortex-m0", "-DFASTMEM_NO_DOUBLE"), "microbit", "256K", 1e9 / 16e6),
    "Cortex-M4": Device(
        (*ARM, "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-DFASTMEM_NO_DOUBLE"),
        "mps2-an386", "4M", 1e9 / 25e6,
    ),
    "Cortex-M7": Device(
        (*ARM, "-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"), "mps2-an500", "4M", 1e9 / 25e6
    ),
}  # fmt: skip
MAIN = """
#include "net.c"
static const uint{bits}_t rows[] = {{{rows}}};
static const int labels[] = {{{labels}}};
static const signed char known[] = {{{known}}};

#ifdef __arm__
void reset(void);
__attribute__((used, section(".vectors"))) static const void *vectors[] = {{(void *)0x20004000, (void *)reset}};

static void ask_debugger(int what, const void *about)
{{
    register int r0 __asm__("r0") = what;
    register const void *r1 __asm__("r1") = about;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}}

static void start_ticks(void)
{{
    volatile uint32_t *timer = (volatile uint32_t *)0xe000e010;
    timer[0] = 0;
    timer[1] = 0xffffff;
    timer[2] = 0;
    timer[0] = 5;
}}

static uint32_t ticks(void)
{{
    return 0xffffff - (*(volatile uint32_t *)0xe000e018 & 0xffffff);
}}
#else
#include <stdio.h>
static void start_ticks(void) {{ }}
static uint32_t ticks(void) {{ return 0; }}
#endif

static void print(uint32_t number, char behind)
{{
    char text[12] = {{0}}, *start = text + 10;
    *start = behind;
    do
        *--start = (char)('0' + number % 10);
    while (number /= 10);
#ifdef __arm__
    ask_debugger(4, start);
#else
    printf("%s", start);
#endif
}}

int main(void)
{{
    uint32_t i, wrong = 0, taken = 0;
    for (i = 0; i < {n}; i++) {{
        union {{ coordinate x[{d}]; uint{bits}_t bits[{d}]; }} row;
        int j, label;
        for (j = 0; j < {d}; j++)
            row.bits[j] = rows[i * {d} + (uint32_t)j];
        start_ticks();
        label = fastmem_predict(row.x);
        taken += ticks();
        wrong += label != labels[i] || (known[i] >= 0 && {contains} != known[i]);
    }}
    print(wrong, ' ');
    print(taken, '\\n');
    return 0;
}}

#ifdef __arm__
void reset(void)
{{
#ifdef __ARM_FP
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20;
    __asm__ volatile("dsb\\n\\tisb");
#endif
    main();
    ask_debugger(0x18, (void *)0x20026);
}}
#endif
"""


def sphere():
    """10,000 points of the sphere with random labels."""
    X = exported.sphere(10_000, 32).astype(np.float32)
    return X, fastmem.memorize(X, exported.random_labels(len(X), 2), random_state=0)


def of_case(name):
    """A network of `support.exported`, with float32 rows."""
    X, _, net = exported.case(name)
    return X.astype(np.float32), net


def of_saved(make):
    """A network of `support.saved`, with rows of no meaning."""
    net = make()
    return np.random.default_rng(0).standard_normal((100, net.n_features_in)).astype(np.float32), net


NETWORKS = {
    "sphere 10k×32": sphere,
    "digits, fingerprints": lambda: of_case("digits, fingerprints"),
    "a line": lambda: of_saved(saved.NETWORKS["binary, linear code"][0]),
    "filters and fingerprints": lambda: of_saved(saved.filtering_network),
    "rows known, few columns": lambda: of_saved(lambda: saved.known_by_all_columns(recognise="rows")),
    "theorem": lambda: of_saved(lambda: saved.theorem_network("rajput2021")),
}


def write(folder, X, net, form, dtype, n):
    """Write the network and a program that counts wrong answers."""
    net.to_c(folder / "net.c", form=form, dtype=dtype, output="index", unsafe=True)
    rng = np.random.default_rng(0)
    others = X[rng.integers(0, len(X), n)] + X.std() * rng.standard_normal((n, X.shape[1]))
    rows = [X[rng.permutation(len(X))[:n]], others, c_programs.hard_rows(net, dtype, n // 4)]
    rows = np.concatenate([c_programs.as_dtype(part, dtype) for part in rows])
    rows = rows[rng.permutation(len(rows))[: 4 * n]]
    labels = np.searchsorted(net.classes, net.predict(rows))
    known = net.contains(rows).astype(int) if net.fingerprint_bits else np.full(len(rows), -1)
    bits = 32 if dtype == "float32" else 64
    (folder / "main.c").write_text(
        MAIN.format(
            n=len(rows), d=X.shape[1], bits=bits,
            rows=",".join(f"{word:#x}" for word in rows.view(f"u{bits // 8}").flat),
            labels=",".join(map(str, labels.tolist())), known=",".join(map(str, known.tolist())),
            contains="fastmem_contains(row.x)" if net.fingerprint_bits else "known[i]",
        )
    )  # fmt: skip
    return len(rows)


def sizes(folder, compiler):
    """Bytes of code and of tables of the network's file, and of the deepest stack of one function."""
    command = [*compiler, "-Os", "-std=c99", "-fstack-usage", "-c", "net.c", "-o", "net.o"]
    c_programs.compiled(command, folder)
    tool = "arm-none-eabi-size" if compiler[0].startswith("arm") else "size"
    done = subprocess.run([tool, "-A", "net.o"], cwd=folder, capture_output=True, text=True, check=True)
    sections = re.findall(r"^(\.\S+)\s+(\d+)", done.stdout, re.MULTILINE)
    of = {kind: sum(int(n) for name, n in sections if name.startswith(kind)) for kind in (".text", ".rodata")}
    stack = max(int(line.split()[1]) for line in (folder / "net.su").read_text().splitlines())
    return of[".text"], of[".rodata"], stack


def works(device):
    """What is missing to compile for a device, and to run that; None if nothing is."""
    if shutil.which(device.compiler[0]) is None:
        return device.compiler[0]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "empty.c").write_text("#include <stdint.h>\nint main(void) { return 0; }\n")
        command = [*device.compiler, *["--specs=nosys.specs"] * bool(device.machine), "empty.c"]
        if subprocess.run(command, cwd=folder, capture_output=True).returncode:
            return " ".join(device.compiler[:2]) + " and its libraries"
    return "qemu-system-arm" if device.machine and shutil.which("qemu-system-arm") is None else None


def run(device, folder):
    """Compile a program and run it; return its wrong answers, and instructions a row where they are counted."""
    bare = BARE if device.machine else ()
    (folder / "link.ld").write_text(LINK.format(flash=device.flash))
    c_programs.compiled([*device.compiler, "-Os", "-std=gnu99", *bare, "main.c", "-o", "main.elf"], folder)
    command = ["./main.elf"]
    if device.machine:
        command = [*QEMU, "-M", device.machine, "-kernel", "main.elf"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    found = (done.stdout + done.stderr).split()
    assert len(found) == 2, done
    return int(found[0]), int(found[1]) * device.tick


def check(net_name, device_name, form, dtype, n):
    """Run one network on one device, and print what it takes there; return how many answers are wrong."""
    device = DEVICES[device_name]
    X, net = NETWORKS[net_name]()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        n_rows = write(folder, X, net, form, dtype, n)
        code, tables, stack = sizes(folder, device.compiler)
        if code + tables + n_rows * (X.shape[1] * int(dtype[-2:]) // 8 + 5) > 250_000 and device.flash == "256K":
            n_rows = write(folder, X, net, form, dtype, n // 4)
        wrong, instructions = run(device, folder)
    taken = f"{instructions / n_rows:,.0f}" if instructions else "-"
    print(f"{device_name} | {net_name} | {form} | {dtype} | {code:,} | {tables:,} | {stack:,} | {taken} | "
          f"{wrong} of {n_rows} wrong", flush=True)  # fmt: skip
    return wrong


def main():
    """Compile, run, print sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--forms", nargs="+", choices=("lookup", "layers"), default=("lookup", "layers"))
    options = parser.parse_args()
    print("device | network | form | dtype | code | tables | stack of one function | instructions a row | answers")
    wrong = 0
    for name, device in DEVICES.items():
        missing = works(device)
        if missing:
            print(f"{name}: there is no {missing}")
            continue
        for net_name in NETWORKS:
            for form in options.forms:
                if form == "layers" and net_name.startswith("rows known"):
                    continue
                for dtype in ("float32", "float64"):
                    wrong += check(net_name, name, form, dtype, options.rows)
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
