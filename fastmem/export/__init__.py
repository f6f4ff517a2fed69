"""Networks for other programs: ONNX, PyTorch, C and networkx; the methods of `fastmem.Network` are the way in."""
