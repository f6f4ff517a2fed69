"""Examples that ``--help`` of each command ends with: lines to copy, each of which the tests run."""

__all__ = ["EXAMPLES", "START"]

START = (
    "fastmem demo",
    "fastmem build data.csv -o net.safetensors",
    "fastmem predict net.safetensors new.csv",
)
"""What somebody new may type, at the end of ``fastmem --help``."""

EXAMPLES = {
    "demo": (
        "fastmem demo",
        "fastmem demo --points 5000 --features 2 --classes 10",
    ),
    "build": (
        "fastmem build data.csv --label species -o net.safetensors",
        "fastmem build data.csv --drop id -o net.safetensors",
        "fastmem build points.npy labels.npy -o net.safetensors --effort small",
        "fastmem build data.parquet -o net.safetensors --fingerprint-bits 16",
    ),
    "predict": (
        "fastmem predict net.safetensors new.csv",
        "fastmem predict net.safetensors points.npy -o labels.npy",
        "fastmem predict net.safetensors new.csv --append label -o labelled.csv",
        "fastmem predict net.safetensors data.csv --label species --keep id",
    ),
    "verify": (
        "fastmem verify net.safetensors data.csv --label species --drop id",
        "fastmem verify net.safetensors points.npy labels.npy",
    ),
    "info": (
        "fastmem info net.safetensors",
        "fastmem info net.safetensors --delta 0.1",
        "fastmem info net.safetensors --json",
    ),
    "report": (
        "fastmem report net.safetensors -o page.html",
        "fastmem report net.safetensors --data points.npy -o page.html",
        "fastmem report net.safetensors --delta 0.1 --title Digits -o page.html",
    ),
    "compare": (
        "fastmem compare points.npy labels.npy",
        "fastmem compare points.npy labels.npy --plot sizes.png",
        "fastmem compare points.npy labels.npy --seeds 3 --format csv > sizes.csv",
    ),
    "export": (
        "fastmem export net.safetensors -o net.onnx",
        "fastmem export net.safetensors -o net.c --data points.npy",
        "fastmem export net.safetensors -o net.mjs",
    ),
    "completion": (
        "fastmem completion bash > fastmem.bash",
        "fastmem completion fish > fastmem.fish",
    ),
}
"""Lines of each command; the files are those of any user."""
