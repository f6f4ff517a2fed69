#!/usr/bin/env bash
# fastmem on 64-bit Arm under emulation, held bit for bit to fastmem on this x86-64 machine.
#
#     tests/reliability/aarch64.sh FOLDER [PART ...]
#
# FOLDER is made, and holds all that is downloaded, unpacked and built, about 2 GB; the checkout is only read. It
# takes Debian 12 with apt-get, Python with venv and pip, and gcc. Nothing is registered, mounted or installed but the
# cross compiler, by apt-get, unless aarch64-linux-gnu-gcc is there. Parts, all by default, in this order:
#
#     tools      qemu's emulation of programs, unpacked in FOLDER
#     root       Debian's Python for arm64, and wheels for aarch64 of what fastmem and its tests need
#     build      fastmem for this machine, and the same C files compiled for aarch64 with the flags of setup.py
#     smoke      import, and `fastmem demo`
#     tests      files of tests on aarch64: TESTS="test_answers.py hyperplanes/test_signs.py" names others
#     signs      reliability.exactness on aarch64, CASES=7500 inputs, 300 of a network
#     answers    networks of all kinds built here, their answers on aarch64 against those given here
#     builds     the same data and seeds memorized on aarch64: are the files the same? Not promised, never a fault
#
# SECONDS_EACH=900 is the most for each file of tests. Exit status 1 if an answer differs or a test fails. One core is
# used.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; }
checkout=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
shift
parts=${*:-tools root build smoke tests signs answers builds}
for part in $parts; do
    case " tools root build smoke tests signs answers builds " in
        *" $part "*) ;;
        *) echo "there is no part $part"; exit 2 ;;
    esac
done
tests=${TESTS:-test_answers.py network/test_format.py hyperplanes/test_signs.py data/test_rows.py data/test_labels.py
    store/test_ribbon_kernels.py layers/test_layer.py}
python=python3.11  # of Debian 12
export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
unset OPENBLAS_CORETYPE  # kernels of one architecture
# Not qemu's own choice, "max": with that, OpenBLAS takes kernels for SME and gets wrong sums.
export QEMU_CPU=${QEMU_CPU:-neoverse-n1}
failed=0

wants() { case " $parts " in *" $1 "*) echo "== $1" ;; *) return 1 ;; esac; }

# In a folder without sources, so that nothing is imported from there.
native() { (cd "$folder/empty" && PYTHONPATH="$folder/source/tests" "$folder/venv/bin/python" "$@"); }

emulated() { (cd "$folder/empty" && PYTHONPATH="$folder/source/tests" "$folder/emulated" "$@"); }

if wants tools; then
    mkdir -p "$folder/tools"
    if ! command -v aarch64-linux-gnu-gcc > /dev/null; then
        apt-get -qq update
        apt-get -qq install -y --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    fi
    (cd "$folder/tools" && apt-get -qq download qemu-user-static && dpkg -x qemu-user-static_*.deb .)
    "$folder/tools/usr/bin/qemu-aarch64-static" --version | head -1
fi

if wants root; then
    rm -rf "$folder/root" "$folder/wheels" "$folder/site"
    mkdir -p "$folder"/{lists/partial,cache/archives/partial,debs,root,wheels,site}
    # Another architecture's packages, with lists of their own, and this machine's sources and keys.
    apt_arm=(apt-get -qq -oAPT::Architecture=arm64 -oAPT::Architectures=arm64 "-oDir::State::Lists=$folder/lists"
             "-oDir::Cache=$folder/cache")
    "${apt_arm[@]}" update
    (cd "$folder/debs" && "${apt_arm[@]}" download "$python-minimal" "lib$python-minimal" "lib$python-stdlib" \
        "lib$python-dev" libc6 libgcc-s1 libstdc++6 zlib1g libexpat1 libssl3 libffi8 liblzma5 libbz2-1.0 libsqlite3-0 \
        libncursesw6 libtinfo6 libreadline8 libuuid1 libdb5.3 libnsl2 libtirpc3 libcrypt1 media-types)
    for package in "$folder"/debs/*.deb; do dpkg -x "$package" "$folder/root"; done
    python3 - "$checkout/pyproject.toml" > "$folder/needed.txt" << 'EOF'
import sys
import tomllib

with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
print(*project["dependencies"], *project["optional-dependencies"]["test"], sep="\n")
EOF
    platforms=()
    for tag in 2_28 2_27 2_17; do platforms+=(--platform "manylinux_${tag}_aarch64"); done
    platforms+=(--platform manylinux2014_aarch64)
    python3 -m pip download -q --only-binary=:all: "${platforms[@]}" --python-version "${python#python}" \
        --implementation cp -d "$folder/wheels" -r "$folder/needed.txt"
    for wheel in "$folder"/wheels/*.whl; do python3 -m zipfile -e "$wheel" "$folder/site"; done
    cat > "$folder/emulated" << EOF
#!/bin/bash
# Python for aarch64.
export PYTHONHOME=$folder/root/usr PYTHONPATH="$folder/arm:$folder/site\${PYTHONPATH:+:\$PYTHONPATH}"
export FASTMEM_EMULATED=$folder/emulated
exec $folder/tools/usr/bin/qemu-aarch64-static -L $folder/root $folder/root/usr/bin/$python "\$@"
EOF
    chmod +x "$folder/emulated"
fi

if wants build; then
    rm -rf "$folder/source" "$folder/arm"
    mkdir -p "$folder/source" "$folder/arm" "$folder/empty"
    tar -C "$checkout" --exclude=./.git --exclude=./build --exclude='*.so' --exclude=__pycache__ -cf - . \
        | tar -C "$folder/source" -xf -
    # This machine gets the same versions.
    python3 - "$folder/wheels" > "$folder/versions.txt" << 'EOF'
import sys
from pathlib import Path

for wheel in sorted(Path(sys.argv[1]).glob("*.whl")):
    print("==".join(wheel.name.split("-")[:2]))
EOF
    [ -d "$folder/venv" ] || python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" install -q "setuptools>=80,<85" "Cython>=3.1,<4" -r "$folder/versions.txt"
    "$folder/venv/bin/pip" install -q --no-build-isolation --no-deps --force-reinstall "$folder/source"
    flags=$(cd "$folder/source" && "$folder/venv/bin/python" -c '
import runpy, setuptools
setuptools.setup = lambda **options: print(*options["ext_modules"][0].extra_compile_args)
runpy.run_path("setup.py")')
    echo "flags of setup.py: $flags"
    cp -r "$folder/source/fastmem" "$folder/arm/"
    kernels=src_cython/fastmem/_kernels
    for file in "$folder/source/build/cython/$kernels"/*.c; do
        # shellcheck disable=SC2086
        aarch64-linux-gnu-gcc $flags -DNDEBUG -fwrapv -fPIC -shared -w "-I$folder/source/$kernels" \
            "-I$folder/root/usr/include/$python" -idirafter "$folder/root/usr/include" "$file" -o \
            "$folder/arm/fastmem/_kernels/$(basename "$file" .c).cpython-${python//[a-z.]/}-aarch64-linux-gnu.so"
    done
    cat > "$folder/arm/sitecustomize.py" << 'EOF'
import os
import sys

sys.executable = os.environ.get("FASTMEM_EMULATED", sys.executable)  # the kernel starts no program of aarch64 itself
EOF
    echo "$(find "$folder/arm" -name '*.so' | wc -l) modules for aarch64"
fi

if wants smoke; then
    emulated -c 'import platform, fastmem, numpy
from fastmem._kernels import signs
print(platform.machine(), "NumPy", numpy.__version__, "fastmem", fastmem.__version__, signs.supported_isas())'
    emulated -m fastmem demo --points 2000
fi

if wants tests; then
    for name in $tests; do
        log="$folder/$(basename "$name" .py).log"
        status=0
        (cd "$folder/empty" && timeout "${SECONDS_EACH:-900}" "$folder/emulated" -m pytest -q -n 0 -p no:cacheprovider \
            "$folder/source/tests/$name") > "$log" 2>&1 || status=$?
        case $status in
            0) tail -1 "$log" | sed "s|^|$name: |" ;;
            124) echo "$name: stopped after ${SECONDS_EACH:-900} seconds, without a failure: $(tail -1 "$log")" ;;
            *) echo "$name: WRONG, see $log"; failed=1 ;;
        esac
    done
fi

if wants signs; then
    emulated -m reliability.exactness --cases "${CASES:-7500}" --each 300 --seed 0 || failed=1
fi

if wants answers; then
    native -m reliability.machines make "$folder/here" > "$folder/make.log"
    emulated -m reliability.machines answer "$folder/here" "$folder/there" > "$folder/answer.log"
    native -m reliability.machines compare "$folder/here" "$folder/there" || failed=1
fi

if wants builds; then
    emulated -m reliability.machines build "$folder/here" "$folder/there"
    native -m reliability.machines compare "$folder/here" "$folder/there" || failed=1
fi

exit $failed
