"""Networks as graphs of standard ONNX operators: their shortcut, or their layers."""

from fastmem.export.onnx.model import write

__all__ = ["write"]
