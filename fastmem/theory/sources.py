"""The papers that `fastmem.bounds` cites."""

__all__ = [
    "BAUM",
    "BUBECK",
    "DIRKSEN",
    "EGOSI",
    "HAR_PELED",
    "KAJITSUKA",
    "KIM",
    "MADDEN",
    "PARK",
    "RAJPUT",
    "SCHLAEFLI",
    "SIEGEL",
    "VARDI",
    "VERSHYNIN",
    "YU",
    "YUN",
]

BAUM = 'Baum, "On the capabilities of multilayer perceptrons", Journal of Complexity 4:193-215, 1988'
YUN = (
    'Yun, Sra & Jadbabaie, "Small ReLU networks are powerful memorizers: a tight analysis of memorization capacity", '
    "NeurIPS 2019, arXiv 1810.07770"
)
VERSHYNIN = (
    'Vershynin, "Memory capacity of neural networks with threshold and ReLU activations", '
    "SIAM Journal on Mathematics of Data Science 2(4):1004-1033, 2020"
)
BUBECK = (
    'Bubeck, Eldan, Lee & Mikulincer, "Network size and size of the weights in memorization with two-layers neural '
    'networks", NeurIPS 2020, arXiv 2006.02855'
)
PARK = 'Park, Lee, Yun & Shin, "Provable memorization via deep neural networks using sub-linear parameters", COLT 2021'
RAJPUT = (
    'Rajput, Sreenivasan, Papailiopoulos & Karbasi, "An exponential improvement on the memorization capacity of deep '
    'threshold networks", NeurIPS 2021, arXiv 2106.07724, theorem 1'
)
VARDI = (
    'Vardi, Yehudai & Shamir, "On the optimal memorization power of ReLU neural networks", ICLR 2022, arXiv 2110.03187'
)
MADDEN = (
    'Madden & Thrampoulidis, "Memory capacity of two layer neural networks with smooth activations", '
    "SIAM Journal on Mathematics of Data Science 6(3), 2024, arXiv 2308.02001"
)
DIRKSEN = (
    'Dirksen, Finke & Genzel, "Memorization with neural nets: going beyond the worst case", JMLR 25:347, 2024, '
    "arXiv 2310.00327"
)
YU = 'Yu, Gao & Zhang, "Optimal robust memorization with ReLU neural networks", ICLR 2024'
KAJITSUKA = 'Kajitsuka & Sato, "On the optimal memorization capacity of transformers", ICLR 2025, arXiv 2409.17677'
EGOSI = 'Egosi, Yehudai & Shamir, "Logarithmic width suffices for robust memorization", COLT 2025, arXiv 2502.11162'
KIM = (
    'Kim, Moon & Yun, "The cost of robustness: tighter bounds on parameter complexity for robust memorization in ReLU '
    'nets", NeurIPS 2025, arXiv 2510.24643'
)
SCHLAEFLI = 'Schläfli, "Theorie der vielfachen Kontinuität", 1852, published 1901'
SIEGEL = (
    'Siegel, "Sharp lower bounds on interpolation by deep ReLU neural networks at irregularly spaced data", 2023, '
    "arXiv 2302.00834"
)
HAR_PELED = 'Har-Peled & Jones, "On separating points by lines", SODA 2018'
