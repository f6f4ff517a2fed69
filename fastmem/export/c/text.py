"""The C code of a network, with places for what differs between networks: see `fastmem.export.c.program`."""

HEAD = """
/* {name}: a threshold neural network {of}, written by fastmem.

   int {name}_predict(const {kind} *x);
       The {returns} of the point x[0], ..., x[{last_column}];
       {invalid}, which is INT_MIN, if a coordinate{that_is_read} is infinite or NaN.
{more}
{how}

   cc -std=c99 -O2 -c this_file.c. No library is called and nothing is allocated. Functions may run in several threads.
   {size}. */

#include <float.h>
#include <limits.h>
{include}#include <stdint.h>

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error "signs are exact in IEEE arithmetic only: compile without -ffast-math"
#endif
#if FLT_RADIX != 2 || FLT_MANT_DIG != 24 || DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024
#error "float and double must be the 32-bit and 64-bit formats of IEEE 754"
#endif
#if INT_MAX < {high} || INT_MIN >= {low}
#error "int is too narrow for what {name}_predict returns"
#endif

#define {invalid} INT_MIN

typedef {kind} coordinate;

int {name}_predict(const {kind} *x);"""

HOW = """
   The network is evaluated unit by unit. Signs of hyperplanes are exact, so the answer depends on the numbers in x
   alone, and is that of net.predict in Python, for every x: whatever the compiler, its optimization and the processor,
   as long as float and double are those of IEEE 754 and nothing like -ffast-math is on."""

CONTAINS_HEAD = """
   int {name}_contains(const {kind} *x);
       1 if the point is known, as net.contains says; 0 if it is not, or if a coordinate{that_is_known} is infinite
       or NaN.
"""

ONES = """

static uint32_t ones(uint32_t x)
{{
    x -= x >> 1 & 0x55555555;
    x = (x & 0x33333333) + (x >> 2 & 0x33333333);
    x = (x + (x >> 4)) & 0x0f0f0f0f;
    return (x * 0x01010101) >> 24;
}}"""

UNPACK = """

/* x = sign * result * 2^exponent; in integers, so that no floating-point mode matters. */
static uint32_t unpack_float(float x, int32_t *exponent, int *negative)
{{
    union {{ float value; uint32_t bits; }} number;
    number.value = x;
    *negative = (int)(number.bits >> 31);
    *exponent = (int32_t)(number.bits >> 23 & 0xff);
    if (*exponent == 0) {{
        *exponent = -149;
        return number.bits & 0x7fffff;
    }}
    *exponent -= 150;
    return (number.bits & 0x7fffff) | 0x800000;
}}

static uint64_t unpack_double(double x, int32_t *exponent, int *negative)
{{
    union {{ double value; uint64_t bits; }} number;
    number.value = x;
    *negative = (int)(number.bits >> 63);
    *exponent = (int32_t)(number.bits >> 52 & 0x7ff);
    if (*exponent == 0) {{
        *exponent = -1074;
        return number.bits & 0xfffffffffffff;
    }}
    *exponent -= 1075;
    return (number.bits & 0xfffffffffffff) | 0x10000000000000;
}}"""

ADD = """

/* Add value * 2^exponent, value below 2^51, to a fixed-point number of 32-bit digits with carries left over. */
static void add(int64_t *digits, uint64_t value, int32_t exponent, int negative)
{{
    uint64_t low, high;
    uint32_t position, shift;
    int64_t parts[3];
    if (value == 0)
        return;
    position = (uint32_t)(exponent - ({lowest}));
    shift = position & 31;
    low = (value & 0xffffffff) << shift;
    high = (value >> 32) << shift;
    parts[0] = (int64_t)(low & 0xffffffff);
    parts[1] = (int64_t)((low >> 32) + (high & 0xffffffff));
    parts[2] = (int64_t)(high >> 32);
    for (digits += position >> 5, shift = 0; shift < 3; shift++)
        digits[shift] += negative ? -parts[shift] : parts[shift];
}}"""

ADD_NARROW = "add(digits, (uint64_t)w * x_bits, e + x_e, negative != x_negative);"

ADD_WIDE = """add(digits, w * (x_bits & 0x3ffffff), e + x_e, negative != x_negative);
        add(digits, w * (x_bits >> 26), e + x_e + 26, negative != x_negative);"""

EXACT = """

/* Whether {which} weighted sum reaches its threshold, in integers. */
static int exact_sign(const coordinate *x, {arguments})
{{
    int64_t digits[{n_digits}] = {{0}}, carry = 0;
    uint64_t w, x_bits;
    int32_t e, x_e;
    int negative, x_negative;
    uint32_t i;
    for (i = 0; i < {d}; i++) {{
        w = unpack_float({weight}, &e, &negative);
        x_bits = {unpack}(x[i], &x_e, &x_negative);
        {add}
    }}
    w = unpack_double({threshold}, &e, &negative);
    add(digits, w & 0x3ffffff, e, !negative);
    add(digits, w >> 26, e + 26, !negative);
    for (i = 0; i < {n_digits}; i++) {{
        carry += digits[i];
        carry = carry >= 0 ? carry / 4294967296 : -((4294967295 - carry) / 4294967296);
    }}
    return carry >= 0;
}}"""

SIGNS = """

#ifdef __GNUC__ /* no branch, and no library */
#define MAGNITUDE(x) __builtin_fabs(x)
#else
#define MAGNITUDE(x) ((x) < 0 ? -(x) : (x))
#endif

/* Hyperplanes: a rounded sum decides where it differs from 0 by more than its error (Higham, Accuracy and Stability of
   Numerical Algorithms, sections 3.1 and 4.2), in any order of summation, rounding mode, and with fused products. */
static void layer_1(const coordinate *x, uint32_t *out)
{{
    uint32_t i, j;
    const float *w = layer_1_weights;
    for (j = 0; j < {words}; j++)
        out[j] = 0;
    for (j = 0; j < {m}; j++, w += {d}) {{
        double t = layer_1_thresholds[j], sum = -t, size = MAGNITUDE(t), bound;
        uint32_t sign;
        for (i = 0; i < {d}; i++) {{
            const double product = (double)w[i] * (double)x[i];
            sum += product;
            size += MAGNITUDE(product);
        }}
        bound = size * {growth} + {floor};
        if (size < 0x1p1000 && sum > bound)
            sign = 1;
        else if (size < 0x1p1000 && sum < -bound)
            sign = 0;
        else
            sign = (uint32_t)exact_sign(x, j);
        out[j >> 5] |= sign << (j & 31);
    }}
}}"""

NO_UNITS = """
static void {name}(const {kind} *in, uint32_t *out)
{{
    (void)in;
    out[0] = 0;
}}"""

LAYER = """

static void {name}(const uint32_t *in, uint32_t *out)
{{
    uint{bits}_t sum[{n_forms}] = {{0}};
    uint32_t i;
{sums}
    for (i = 0; i < {n_words}; i++)
        out[i] = 0;
    for (i = 0; i < {n}; i++)
        out[i >> 5] |= (uint32_t)((int{bits}_t)sum[{form}] >= {threshold}) << (i & 31);
}}"""

STEPS = """
    uint32_t rise[{n}], fall[{n}]; /* bits 1 before a 0, and 0 before a 1 */
    uint32_t steps[{n}], n_steps = 0; /* words that hold any */
    for (i = 0; i < {n}; i++) {{
        const uint32_t next = in[i] >> 1 | (i + 1 < {n} ? in[i + 1] << 31 : 0);
        rise[i] = in[i] & ~next;
        fall[i] = next & ~in[i];
        if (in[i] != next)
            steps[n_steps++] = i;
    }}"""

RUNS = """
    {{
        uint32_t j, k = 0;
        for (i = 0; i < {n}; i++) {{
            const uint32_t first = (uint32_t){first}, length = (uint32_t){length};
            uint{bits}_t total = 0;
{count}
            k += length;
            sum[{form}] += {total};
        }}
    }}"""

COUNT_ONES = """
            for (j = 0; j < length; j++)
                total += ones(in[first + j] & (uint32_t){mask});"""

COUNT_STEPS = """
            for (j = 0; j < n_steps; j++) {{
                const uint32_t at = steps[j] - first;
                if (at < length) {{
                    const uint32_t mask = (uint32_t){mask};
                    total += ones(rise[steps[j]] & mask);
                    total -= ones(fall[steps[j]] & mask);
                }}
            }}"""

COUNT_EITHER = """
            if ({kind} & 128) {{
{steps}
            }} else {{
{ones}
            }}"""

LISTS = """
    {{
        uint32_t k = 0;
        for (i = 0; i < {n}; i++)
            for (; k < (uint32_t){end}; k++) {{
                const uint32_t input = (uint32_t){entry};
                const uint{bits}_t on = in[input >> 6] >> (input >> 1 & 31) & 1;
                const uint{bits}_t negative = 0 - (uint{bits}_t)(input & 1);
                sum[i] += ((({magnitude}) ^ negative) - negative) & (0 - on); /* no branch */
            }}
    }}"""

TABLE = """
    for (i = 0; i < {n}; i++)
        if (in[i >> 5] >> (i & 31) & 1) {{
            uint32_t j;
            for (j = 0; j < {m}; j++) {{
                const uint{bits}_t weight = (uint{bits}_t){weight};
                sum[j] += weight;
            }}
        }}"""

OUTPUTS = """

/* The outputs of the last layer; 0 is returned for a point that is not finite. */
static int outputs(const coordinate *x, uint32_t *bits)
{{
{declared}
    uint32_t i;
    for (i = 0; i < {r}; i++){read}
        if (!({coordinate} - {coordinate} == 0))
            return 0;{end}
{calls}
    *bits = {result};
    return 1;
}}"""

PREDICT = """

int {name}_predict(const {kind} *x)
{{
    uint32_t index;
    if (!outputs(x, &index))
        return {invalid};
    index &= {mask}u;
    if (index > {last})
        index = {last};
    return (int){value};
}}"""

CONTAINS = """

int {name}_contains(const {kind} *x)
{{
    uint32_t bits;
    return outputs(x, &bits) && (bits >> {known} & 1);
}}"""
