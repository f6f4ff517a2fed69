"""Mistakes that a type checker must report before the program runs: one in each line that says so."""

import numpy as np

import fastmem

X, y = np.eye(4), np.arange(4)
net = fastmem.memorize(X, y)

fastmem.memorize(X, y, effort="medium")  # error
fastmem.memorize(X, y, store="x")  # error
fastmem.memorize(X, y, separate="none")  # error
fastmem.memorize(X, y, construction="compct")  # error
fastmem.memorize(X, y, seed=0)  # error
fastmem.memorize(X, y, progress="yes")  # error
fastmem.memorise(X, y)  # error
fastmem.compare(X, y, constructions=["compct"])  # error
fastmem.compare(X, y).to_csv(3)  # error
fastmem.MemorizingClassifier(effort="medium")  # error
fastmem.MemorizingClassifier(on_contradiction="minority")  # error
fastmem.MemorizingClassifier(construction="largest")  # error
fastmem.MemorizingRegressor(on_contradiction="majority")  # error
fastmem.MemorizingRegressor(unknwn=0.0)  # error
fastmem.CorrectedClassifier(len, contradictory="ignore")  # error
fastmem.CorrectedRegressor(len, 0.5)  # error
fastmem.plot.cell(net, X, y)  # error
fastmem.theory.instances.circle(8, labels="alternate")  # error
net.predct(X)  # error
net.predict(X, unknwn=0)  # error
net.to_onnx("net.onnx", dtype="float16")  # error
net.to_onnx("net.onnx", output="labels")  # error
net.to_c("net.c", batch=1)  # error
print(net.report().n_neuron)  # error
print(net.report().to_html("page.html", date=2026))  # error
print(net.layers[0].weight)  # error
fastmem.load("net.safetensors").contain(X)  # error
fastmem.load("net.safetensors").jit(output="labels")  # error
