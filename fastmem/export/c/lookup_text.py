"""The C code of a network's shortcut, with places for what differs between networks: see `fastmem.export.c.lookup`."""

HOW = """
   The network's shortcut is evaluated: signs of hyperplanes, a code of them, and what is stored for the code. Signs are
   exact, so the answer depends on the numbers in x alone, and is that of net.predict in Python, for every x: whatever
   the compiler, its optimization and the processor, in every rounding mode, and where subnormal numbers are taken for
   0, as long as float and double are those of IEEE 754 and nothing like -ffast-math is on.

   -DFASTMEM_NO_DOUBLE leaves out arithmetic in double, for processors without it: signs that float leaves open are
   decided in integers at once."""

MANY_HEAD = """
   void {name}_predict_many(const {kind} *X, size_t n, int *labels);
       The same for n points, one behind the other in X: labels[i] is what {name}_predict says of point i.
"""

MAGNITUDES = """

#ifdef __GNUC__ /* no branch, and no library */
#define MAGNITUDE(x) __builtin_fabs(x)
#define MAGNITUDEF(x) __builtin_fabsf(x)
#else
#define MAGNITUDE(x) ((x) < 0 ? -(x) : (x))
#define MAGNITUDEF(x) ((x) < 0 ? -(x) : (x))
#endif"""

FLOAT_BITS = """

/* The bits of a magnitude, which are in order as the magnitudes are; those of what is not finite come last. */
static uint32_t float_bits(float x)
{{
    union {{ float value; uint32_t bits; }} number;
    number.value = x;
    return number.bits & 0x7fffffff;
}}"""

DOUBLE_BITS = """

static uint32_t double_bits(double x)
{{
    union {{ double value; uint64_t bits; }} number;
    number.value = x;
    return (uint32_t)(number.bits >> 32) & 0x7fffffff;
}}"""

NEAR_SIGN = """

/* The sign of a sum that float leaves open: in double where that decides it, else in integers. */
static uint32_t near_sign(const coordinate *x, const float *w, uint32_t step, uint32_t d, const double *t)
{{
#ifndef FASTMEM_NO_DOUBLE
    const float *next = w;
    double sum = -*t, size = MAGNITUDE(*t), bound;
    uint32_t i;
    for (i = 0; i < d; i++, next += step) {{
        const double product = (double)*next * (double)x[i];
        sum += product;
        size += MAGNITUDE(product);
    }}
    bound = size * {growth} + {floor};
    if (size < 0x1p1000 && sum > bound)
        return 1;
    if (size < 0x1p1000 && sum < -bound)
        return 0;
#endif
    return (uint32_t)exact_sign(x, w, step, d, t);
}}"""

LARGEST = """

/* The bits of the largest magnitude among the coordinates that are read. */
static uint32_t {name}_largest(const coordinate *x)
{{
    uint32_t i, bits, largest = 0;
    for (i = 0; i < {d}; i++) {{
        bits = {bits};
        largest = bits > largest ? bits : largest;
    }}
    return largest;
}}"""

GATHER = """

static void {name}_gather(const coordinate *x, coordinate *read)
{{
    uint32_t i;
    for (i = 0; i < {d}; i++)
        read[i] = x[{column}];
}}"""

BLOCK = """

/* Signs of {width} hyperplanes as float tells them, and which of them it leaves open. */
static void {name}_{kind}(const float *w, const float *cuts, {growths}const float *y, float size, uint32_t *signs,
                          uint32_t *open)
{{
    float sums[{lanes}] = {{0}};
    uint32_t i, j;
    for (i = 0; i < {d}; i++, w += {width}) {{
        const float factor = y[i];
        for (j = 0; j < {lanes}; j++)
            sums[j] += w[j] * factor;
    }}
{words}
}}"""

COMPARISONS = """
    signs[{word}] = open[{word}] = 0;
    for (j = 0; j < {n}; j++) {{
        const float cut = cuts[{first}j], difference = sums[{first}j] - cut;
        const float bound = {growth} * size + (MAGNITUDEF(cut) * 0x1p-22f + {floor});
        signs[{word}] |= (uint32_t)(difference > 0) << j;
        open[{word}] |= (uint32_t)!(MAGNITUDEF(difference) > bound) << j;
    }}"""

SIGNS = """

static void {name}_signs(const coordinate *x, uint32_t largest, uint32_t *signs)
{{
    uint32_t open[{words}], i, j;
{filter}
    for (i = 0; i < {words}; i++)
        for (j = 0; open[i] != 0; j++, open[i] >>= 1)
            if (open[i] & 1) {{
                const uint32_t k = i << 5 | j;
                const uint32_t sign = near_sign(x, {name}_weights + {place}, {step}, {d}, {name}_thresholds + k);
                signs[i] = (signs[i] & ~((uint32_t)1 << j)) | sign << j;
            }}
}}"""

NO_FILTER = """
    (void)largest;
    for (i = 0; i < {words}; i++) {{
        signs[i] = 0;
        open[i] = i + 1 < {words} ? 0xffffffff : {last}u;
    }}"""

FILTER = """
    float size;
    union {{ uint32_t bits; float value; }} number;
{y}
    number.bits = largest;
    size = number.value;
    if (largest < 0x71800000 && {growth} * size < 0x1p100f) {{
{blocks}
    }} else
        for (i = 0; i < {words}; i++) {{
            signs[i] = 0;
            open[i] = i + 1 < {words} ? 0xffffffff : {last}u;
        }}"""

COORDINATES = """
    float y[{d}];
    for (i = 0, largest = 0; i < {d}; i++) {{
        uint32_t bits;
        y[i] = {value};
        bits = {bits}(y[i]{scale});
        largest = bits > largest ? bits : largest;
    }}"""

FULL_BLOCKS = """
        for (i = 0; i < {n}; i++)
            {name}_block({name}_weights + i * {size}, {name}_cuts + i * 64, {growths}{y}, size, signs + i * 2,
                         open + i * 2);"""

LAST_BLOCK = """
        {name}_rest({name}_weights + {start}, {name}_cuts + {first}, {growths}{y}, size, signs + {word},
                    open + {word});"""

KEYS = """

/* How many of the thresholds on a line, ascending, the coordinate reaches; by its bits, so that no floating-point mode
   matters. */
static void {name}_signs(const coordinate *x, uint32_t largest, uint32_t *signs)
{{
    union {{ coordinate value; uint{size}_t bits; }} number;
    int{size}_t key;
    uint32_t low = 0, width = {m}, half;
    (void)largest;
    number.value = x[{column}];
    if (number.bits >> {top}) {{
        number.bits &= {magnitude};
        key = -(int{size}_t)number.bits;
    }} else
        key = (int{size}_t)number.bits;
    while (width > 0) {{
        half = (width + 1) >> 1;
        if ({key} <= key)
            low += half, width -= half;
        else
            width = half - 1;
    }}
    *signs = low;
}}"""

CODE = """

static uint64_t {name}(const uint32_t *signs)
{{
{body}
}}"""

XOR_OF_COLUMNS = """
    uint64_t code = 0;
    uint32_t i;
    for (i = 0; i < {m}; i++)
        code ^= (uint64_t){column} & (0 - (uint64_t)(signs[i >> 5] >> (i & 31) & 1));
    return code;"""

HASH = """

static uint64_t mixed(uint64_t h)
{{
    h = (h ^ h >> 33) * 0xff51afd7ed558ccd;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53;
    return h ^ h >> 33;
}}

/* A hash of the numbers, of their bits as double, by the finalizer of MurmurHash3 (Appleby, public domain). */
static uint64_t hash(const coordinate *x)
{{
    uint64_t total = 0, place = 0;
    uint32_t i;
    for (i = 0; i < {d}; i++)
        total += mixed(bits_as_double(x[i]) + (place += 0x9e3779b97f4a7c15));
    return mixed(total) >> 2;
}}"""

BITS_OF_FLOAT = """

static uint64_t bits_as_double(float x)
{{
    union {{ float value; uint32_t bits; }} number;
    uint32_t fraction, exponent;
    number.value = x;
    fraction = number.bits & 0x7fffff;
    exponent = number.bits >> 23 & 0xff;
    if (exponent == 0) {{
        if (fraction == 0)
            return 0;
        for (exponent = 1; !(fraction & 0x800000); exponent--)
            fraction <<= 1;
        fraction &= 0x7fffff;
    }}
    return (uint64_t)(number.bits >> 31) << 63 | (uint64_t)(exponent + 896) << 52 | (uint64_t)fraction << 29;
}}"""

BITS_OF_DOUBLE = """

static uint64_t bits_as_double(double x)
{{
    union {{ double value; uint64_t bits; }} number;
    number.value = x;
    return number.bits << 1 ? number.bits : 0;
}}"""

SEARCH = """

/* Which of {r} ranges holds the code: found by its first bits, and by halving. */
static uint32_t {name}(uint64_t code)
{{
    const uint32_t prefix = (uint32_t)(code >> {shift});
    const {kind} start = ({kind})(code >> {zeros});
    uint32_t low = (uint32_t){low}, width = (uint32_t){high} - low + 1;
    while (width > 1) {{
        const uint32_t half = width >> 1;
        low += ({kind}){start} <= start ? half : 0;
        width -= half;
    }}
    return low;
}}"""

FEATURES = """

/* 64 threshold features of the code: counts of all are added at once, digit by digit, four bits of the code a step. */
static uint64_t {name}(uint64_t code)
{{
    uint64_t d0 = {d[0]}, d1 = {d[1]}, d2 = {d[2]}, d3 = {d[3]}, d4 = {d[4]}, d5 = {d[5]}, d6 = {d[6]};
    uint32_t i;
    for (i = 0; i < {n}; i++) {{
        const uint64_t *word = {name}_words + i * 8;
        const uint64_t bits = code >> {shift};
        const uint64_t a = (word[0] & (0 - (bits & 1))) ^ word[4], b = (word[1] & (0 - (bits >> 1 & 1))) ^ word[5];
        const uint64_t c = (word[2] & (0 - (bits >> 2 & 1))) ^ word[6], e = (word[3] & (0 - (bits >> 3 & 1))) ^ word[7];
        uint64_t sum = a ^ b, two, other, more;
        two = (a & b) | (d0 & sum);
        d0 ^= sum;
        sum = c ^ e;
        other = (c & e) | (d0 & sum);
        d0 ^= sum;
        sum = two ^ other;
        more = (two & other) | (d1 & sum);
        d1 ^= sum;
        sum = d2 & more;
        d2 ^= more;
        more = d3 & sum;
        d3 ^= sum;
        sum = d4 & more;
        d4 ^= more;
        more = d5 & sum;
        d5 ^= sum;
        d6 ^= more;
    }}
    return d6;
}}"""

PARITY = """

static uint32_t parity(uint64_t x)
{{
    uint32_t y = (uint32_t)(x ^ x >> 32);
    y ^= y >> 16;
    y ^= y >> 8;
    y ^= y >> 4;
    return 0x6996u >> (y & 15) & 1;
}}"""

RIBBON = """

/* {planes}: parities of the 64 cells of the code's window, as far as features are 1. */
static {kind} {name}(uint64_t code, uint64_t features)
{{
    {kind} value = 0;
    uint32_t at = {row}, j;
{start}
    (void)code;
    features |= 1;
    for (j = 0; j < {n_planes}; j++, at++)
        value |= ({kind})parity({window} & features) << j;
    return value;
}}"""

START = """
    uint32_t beta = 0, start, i;
    uint64_t of_next;
    for (i = 0; i < {n}; i++)
        beta ^= (uint32_t){beta};
    start = (uint32_t)((uint64_t)beta * {spacing}u >> 16);
    at += (start >> 6) * {n_planes};
    of_next = ((uint64_t)1 << (start & 63)) - 1;"""

STAGED = """

static uint32_t {name}(uint64_t code, uint64_t features)
{{
    {kind} word = ({kind}){first}(code, features) << {shift};
{more}
    return {symbol}(word);
}}"""

STAGE = """
    if (word >= {longer}u) {{
        word |= ({kind}){ribbon}(code, features) << {shift};"""

PLAIN = """

static uint32_t {name}({kind} word)
{{
    return (uint32_t)({value});
}}"""

CANONICAL = """

static uint32_t {name}({kind} word)
{{
    uint32_t low = 0, width = {n};
    while (width > 1) {{
        const uint32_t half = width >> 1;
        low += ({kind}){start} <= word ? half : 0;
        width -= half;
    }}
    return (uint32_t){symbol};
}}"""

MAPPED = """

static uint32_t {name}(uint64_t code, uint64_t features)
{{
    const uint32_t symbol = {symbol};
    return (uint32_t){value};
}}"""

FILTERED = """

static uint32_t {name}(uint64_t code, uint64_t features)
{{
    uint32_t symbol;
    if ({accepts}(code, features) && (symbol = {rare}) > 0) {{
        symbol--;
        return (uint32_t){rare_class};
    }}
    symbol = {common};
    return (uint32_t){common_class};
}}"""

ACCEPTS = """

static int {name}(uint64_t code, uint64_t features)
{{
    return (({ribbon}(code, features) ^ ({kind})({prints}(code) >> 1)) & {every}u) == {every}u;
}}"""

BINARY = """

static uint32_t {name}(uint64_t code)
{{
    return {symbols}(code, {features}(code));
}}"""

CONSTANT = """

static uint32_t {name}(uint64_t code)
{{
    (void)code;
    return {value};
}}"""

RUNS = """

static uint32_t {name}(uint64_t code)
{{
    const uint32_t range = {search};
    return (uint32_t){value};
}}"""

LIFTS = """

static uint32_t {name}(uint64_t code)
{{
    const uint32_t block = {search} * {size}, mask = {mask};
    const uint32_t first = block + ((uint32_t)code & mask) * {k};
    const uint32_t second = block + ((1u << {a}) + ((uint32_t)(code >> {a}) & mask)) * {k};
    const uint32_t third = block + ((2u << {a}) + ((uint32_t)(code >> {twice_a}) & mask)) * {k};
    uint32_t j, index = 0;
    for (j = 0; j < {k}; j++) {{
        const {kind} total = ({kind}){weight_1} + ({kind}){weight_2} + ({kind}){weight_3};
        index |= (uint32_t)(total >= 1) << j;
    }}
    return index < {last} ? index : {last};
}}"""

PREDICT = """

int {name}_predict(const {kind} *x)
{{
{declared}
    uint32_t index = 0, largest;
    (void)index;
{gather}
    largest = {reader}_largest({first});
    if (largest >= {infinite})
        return {invalid};
{index}
    return (int){value};
}}

void {name}_predict_many(const {kind} *X, size_t n, int *labels)
{{
    size_t i;
    for (i = 0; i < n; i++)
        labels[i] = {name}_predict(X + i * {d});
}}"""

INDEX = """
    labels_signs({first}, largest, signs);
    index = {classes}({code}(signs));"""

CONTAINS = """

int {name}_contains(const {kind} *x)
{{
{declared}
    uint64_t code = 0;
    uint32_t largest;
{gather}
    largest = {reader}_largest({first});
    if (largest >= {infinite})
        return 0;
{code}
    return {accepts}(code, {features}(code));
}}"""

CODE_OF_ROW = """
    code = hash({first});"""

CODE_OF_LABELS = """
    labels_signs({first}, {largest}, signs);
    code = {code}(signs);"""

CODE_OF_OTHERS = """
    known_signs({first}, largest, others);
    code ^= {code}(others);"""
