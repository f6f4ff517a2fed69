"""Every fast function again, plain and from its definition: the oracle of the tests.

Nothing here comes from fastmem. Floats are taken as the rational numbers they are: an array of them is an array
of Python integers over one common denominator, a power of two, so sums, products and comparisons are exact.
"""

from oracles.naive.data import equal_rows, hash_sums, hash_values, largest_squared_norm, mix, sort_codes
from oracles.naive.distributed import hash_code, open_codes, range_of, xor_of_columns
from oracles.naive.hyperplanes import (
    distances,
    excesses,
    inner_product,
    over_common_denominator,
    signs,
    squared_distance_to_hyperplanes,
    xor_codes,
)
from oracles.naive.layers import WORD, forward, integer_layers, pack_bits, threshold_layer, unpack_bits
from oracles.naive.numbers import nearest_class, nearest_float, number_outputs
from oracles.naive.separate import (
    Turning,
    climb,
    coarse_order,
    nearest_other,
    numbered,
    pencil_event,
    places,
    repeated,
    rounded_direction,
    split_buckets,
    split_pairs,
    split_weight,
    sweep,
)
from oracles.naive.store import (
    block_lookup,
    block_weights,
    changes,
    consistent,
    cut_blocks,
    decode_prefix,
    group_counts,
    huffman_length,
    index_runs,
    lift,
    lookup,
    merge_runs,
    parity,
    parity_bytes,
    peel,
    probe,
    ribbon_equation,
    ribbon_number,
    ribbon_read,
    ribbon_row,
    threshold_features,
)
