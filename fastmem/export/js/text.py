"""The JavaScript of a network: a function that makes each part of its plan, see `fastmem.export.js.module`.

A part is a closure over its tables. Words of 64 bits are pairs of 32-bit integers, the lower one first: JavaScript's
integer operations take 32 bits, and its BigInt is slow. Results of two words go through an array, `code`, for a
function returns one number.

Exact signs. Numbers are float64, rounded to nearest, subnormal ones included: so ECMAScript says. With u = 2^-53, x a
row of r finite numbers, w a row of float32 weights, t a threshold:

- p, the sum of the w_i x_i in any order, errs by at most gamma(r) ||w|| ||x|| + r 2^-1074 / (1 - gamma(r)), gamma(k) =
  k u / (1 - k u) (Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1, and Cauchy-Schwarz):
  products below 2^-1022 err by 2^-1075 at most, sums below it not at all.
- The computed norm N of x is infinite, or no |x_i| is above 2^512, and no product or sum overflows. Squares that
  underflow err by 2^-1075 each: ||x|| <= N (1 + gamma(r + 2)) + sqrt(r) 2^-537.
- The rounded p - t has the sign of p - t, and errs by u |p - t|.

So where the rounded |p - t| is above ``growth N + floor``, it has the sign of w.x - t, with

    growth = (r + 8) 2^-52 ||w||,    floor = growth sqrt(r) 2^-500 + (r + 8) 2^-1070:

growth is twice of what is needed, which covers the roundings of the bound itself, as r is at most 2^28. Where N is
infinite no comparison is true. Columns of very different sizes make that bound a poor one: so the same is asked next
with the sum of all |w_i x_i| in place of ||w|| ||x||, which is infinite if a product or a sum overflows. What is left
is decided by integers: each float64 number is one, times 2^-1074.
"""

__all__ = ["CONTAINS", "CONTAINS_HEAD", "HEAD", "OPENING", "PARTS", "PREDICT", "USES"]

HEAD = """\
// A threshold neural network {of}, written by fastmem.
//
// predict(x)        the {returns} of a point: {d} numbers in an array, a Float32Array or a Float64Array
// predictMany(X)    those of n points, the n * {d} numbers of X row by row: a new {array}{contains}
// classes, nFeatures
//
// Signs of hyperplanes are exact: answers are those of net.predict in Python, for every x. Where a number that is read
// is NaN or infinite, or a length is wrong, a RangeError is thrown; a TypeError, where x is no array of numbers.
"""

CONTAINS_HEAD = """
// contains(x)       whether the point is known, as net.contains says
// containsMany(X)   the same of n points: a new Uint8Array of 0 and 1"""

OPENING = """
const code = new Int32Array(2);
const view = new DataView(decoded(atob(base64())).buffer);

function decoded(letters) {
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}"""

USES = {
    "dense": ("reader", "refuse", "exact"),
    "sparse": ("reader", "refuse", "exact"),
    "line": ("reader", "refuse"),
    "hash": ("reader", "refuse"),
    "search": ("bitsFrom",),
    "lifts": ("bitsFrom",),
    "features": ("bitsFrom",),
    "ribbon": ("bitsFrom",),
}
"""Other parts that a part uses, if they are not arguments."""

# Each is written if it is used, by itself or by a later one.
PARTS = {
    "table": """
function table(Kind, at, n) {
  const array = new Kind(n), get = "get" + Kind.name.slice(0, -5);
  for (let i = 0; i < n; i++) array[i] = view[get](at + i * Kind.BYTES_PER_ELEMENT, true);
  return array;
}""",
    "bitsFrom": """
// The 32 bits of a pair from a place on.
function bitsFrom(lo, hi, place) {
  return place >= 32 ? hi >>> (place - 32) : place > 0 ? (lo >>> place) | (hi << (32 - place)) : lo;
}""",
    "pairs": """
// Words of so many bytes, that much shifted to the left: their halves.
function pairs(bytes, size, shift) {
  const n = bytes.length / size, lo = new Int32Array(n), hi = new Int32Array(n);
  for (let i = 0; i < n; i++)
    for (let k = 0, place = shift; k < size; k++, place += 8) {
      const byte = bytes[i * size + k];
      if (place < 32) lo[i] |= byte << place;
      if (place >= 32) hi[i] |= byte << (place - 32);
      else if (place > 24) hi[i] |= byte >>> (32 - place);
    }
  return { lo, hi };
}""",
    "bits": """
// The words 1, 2, 4, ... of an identity code.
function bits(n) {
  const lo = new Int32Array(n), hi = new Int32Array(n);
  for (let j = 0; j < n; j++) (j < 32 ? lo : hi)[j] = 1 << (j & 31);
  return { lo, hi };
}""",
    "refuse": """
// Says which number of a point is not finite.
function refuse(X, at, columns) {
  for (const column of columns)
    if (!Number.isFinite(X[at + column])) {
      const row = at > 0 ? `row ${at / nFeatures}, ` : "";
      throw new RangeError(`${row}column ${column} is ${X[at + column]}: points are finite numbers`);
    }
}""",
    "reader": """
// Copies the columns that are read of the point at a place to `row`, and returns its norm.
function reader(columns) {
  const r = columns.length, row = new Float64Array(r);
  function read(X, at) {
    let sum = 0;
    for (let i = 0; i < r; i++) {
      const number = X[at + columns[i]];
      row[i] = number;
      sum += number * number;
    }
    if (!(sum < Infinity)) refuse(X, at, columns);
    return Math.sqrt(sum);
  }
  return { read, row };
}""",
    "neighbours": """
function neighbours(first, n) {
  return Int32Array.from({ length: n }, (_, i) => first + i);
}""",
    "exact": """
const number = new DataView(new ArrayBuffer(8));

// The integer value * 2^1074.
function integer(value) {
  number.setFloat64(0, value);
  const top = number.getUint32(0), exponent = (top >>> 20) & 2047;
  const digits = (BigInt((top & 0xfffff) | (exponent ? 0x100000 : 0)) << 32n) | BigInt(number.getUint32(4));
  const shifted = digits << BigInt(Math.max(exponent, 1) - 1);
  return top >>> 31 ? -shifted : shifted;
}

// -1 if w.x >= t, else 0, where the norm decides nothing: by the sum of all |w_i x_i|, or by integers.
function exact(weights, coordinate, threshold) {
  let sum = 0, size = 0;
  for (let i = 0; i < weights.length; i++) {
    const product = weights[i] * coordinate(i);
    sum += product;
    size += Math.abs(product);
  }
  if (Math.abs(sum - threshold) > (weights.length + 8) * (2 ** -52 * size + 2 ** -1070)) return -(sum > threshold);
  let whole = -(integer(threshold) << 1074n);
  for (let i = 0; i < weights.length; i++) whole += integer(weights[i]) * integer(coordinate(i));
  return whole >= 0n ? -1 : 0;
}

// What bounds the error of w.x - t: growth times the norm of x, and floor.
function bounds(m, r, squares) {
  const growth = Float64Array.from(squares, (square) => (r + 8) * 2 ** -52 * Math.sqrt(square));
  return { growth, floor: growth.map((each) => each * Math.sqrt(r) * 2 ** -500 + (r + 8) * 2 ** -1070) };
}""",
    "dense": """
// Signs of hyperplanes (weights row by row), which add their words to `code`. Four are summed up side by side.
function dense({ read, row }, weights, thresholds) {
  const m = thresholds.length, r = row.length, block = new Float64Array(Math.ceil(m / 4) * 4 * r);
  const sums = new Float64Array(Math.ceil(m / 4) * 4), squares = new Float64Array(m);
  for (let j = 0; j < m; j++)
    for (let i = 0; i < r; i++) {
      const weight = weights[j * r + i];
      block[(j - (j & 3)) * r + 4 * i + (j & 3)] = weight;
      squares[j] += weight * weight;
    }
  const { growth, floor } = bounds(m, r, squares);
  const decide = (j) => exact(weights.subarray(j * r, j * r + r), (i) => row[i], thresholds[j]);
  return ({ lo, hi }) => (X, at) => {
    const norm = read(X, at);
    for (let j = 0, p = 0; j < m; j += 4) {
      let a = 0, b = 0, c = 0, d = 0;
      for (let i = 0; i < r; i++, p += 4) {
        const coordinate = row[i];
        a += block[p] * coordinate;
        b += block[p + 1] * coordinate;
        c += block[p + 2] * coordinate;
        d += block[p + 3] * coordinate;
      }
      sums[j] = a;
      sums[j + 1] = b;
      sums[j + 2] = c;
      sums[j + 3] = d;
    }
    let low = 0, high = 0;
    for (let j = 0; j < m; j++) {
      const difference = sums[j] - thresholds[j], bound = growth[j] * norm + floor[j];
      let sign = -(difference > 0);
      if (!(Math.abs(difference) > bound)) sign = decide(j);
      low ^= lo[j] & sign;
      high ^= hi[j] & sign;
    }
    code[0] ^= low;
    code[1] ^= high;
  };
}""",
    "sparse": """
// The same of hyperplanes with few weights: those of hyperplane j from starts[j] on, with their places in the row.
function sparse({ read, row }, starts, places, weights, thresholds) {
  const m = thresholds.length, squares = new Float64Array(m);
  for (let j = 0; j < m; j++) for (let p = starts[j]; p < starts[j + 1]; p++) squares[j] += weights[p] * weights[p];
  const { growth, floor } = bounds(m, row.length, squares);
  const decide = (j) =>
    exact(weights.subarray(starts[j], starts[j + 1]), (i) => row[places[starts[j] + i]], thresholds[j]);
  return ({ lo, hi }) => (X, at) => {
    const norm = read(X, at);
    let low = 0, high = 0;
    for (let j = 0; j < m; j++) {
      const start = starts[j], end = starts[j + 1];
      let sum = 0;
      for (let p = start; p < end; p++) sum += weights[p] * row[places[p]];
      const difference = sum - thresholds[j], bound = growth[j] * norm + floor[j];
      let sign = -(difference > 0);
      if (!(Math.abs(difference) > bound)) sign = decide(j);
      low ^= lo[j] & sign;
      high ^= hi[j] & sign;
    }
    code[0] ^= low;
    code[1] ^= high;
  };
}""",
    "line": """
// The same of hyperplanes x_c >= t with ascending t: those up to x_c are 1.
function line({ read, row }, place, thresholds) {
  return ({ lo, hi }) => {
    const m = thresholds.length, low = new Int32Array(m + 1), high = new Int32Array(m + 1);
    for (let j = 0; j < m; j++) {
      low[j + 1] = low[j] ^ lo[j];
      high[j + 1] = high[j] ^ hi[j];
    }
    return (X, at) => {
      read(X, at);
      let first = 0, end = m;
      while (first < end) {
        const middle = (first + end) >> 1;
        if (thresholds[middle] <= row[place]) first = middle + 1;
        else end = middle;
      }
      code[0] ^= low[first];
      code[1] ^= high[first];
    };
  };
}""",
    "encoder": """
// Code of a point: what all parts add.
function encoder(parts) {
  return (X, at) => {
    code[0] = code[1] = 0;
    for (let i = 0; i < parts.length; i++) parts[i](X, at);
  };
}""",
    "hash": """
// Multiplies the pair in `code` by another, modulo 2^64.
function times(low, high) {
  const a = code[0] & 0xffff, b = code[0] >>> 16, c = low & 0xffff, d = low >>> 16;
  const middle = b * c + ((a * c) >>> 16), other = a * d + (middle & 0xffff);
  const carried = b * d + (middle >>> 16) + (other >>> 16);
  code[1] = carried + Math.imul(code[0], high) + Math.imul(code[1], low);
  code[0] = Math.imul(code[0], low);
}

// The finalizer of MurmurHash3 of the pair in `code`.
function mix() {
  code[0] ^= code[1] >>> 1;
  times(0xed558ccd, 0xff51afd7);
  code[0] ^= code[1] >>> 1;
  times(0x1a85ec53, 0xc4ceb9fe);
  code[0] ^= code[1] >>> 1;
}

function add(low, high) {
  const sum = (code[0] >>> 0) + (low >>> 0);
  code[0] = sum;
  code[1] += high + (sum > 0xffffffff);
}

// Hash of a point's numbers, of 62 bits.
function hash({ read, row }) {
  const number = new DataView(new ArrayBuffer(8));
  return (X, at) => {
    read(X, at);
    let low = 0, high = 0, placeLow = 0, placeHigh = 0;
    for (let i = 0; i < row.length; i++) {
      code[0] = placeLow;
      code[1] = placeHigh;
      add(0x7f4a7c15, 0x9e3779b9);
      placeLow = code[0];
      placeHigh = code[1];
      number.setFloat64(0, row[i] + 0);
      add(number.getInt32(4), number.getInt32(0));
      mix();
      add(low, high);
      low = code[0];
      high = code[1];
    }
    code[0] = low;
    code[1] = high;
    mix();
    code[0] = (code[0] >>> 2) | (code[1] << 30);
    code[1] >>>= 2;
  };
}""",
    "search": """
// Which of ascending ranges holds a code, by an index of the code's first bits.
function search({ lo, hi }, shift, nPrefixes) {
  const index = new Int32Array(nPrefixes + 1), last = lo.length - 1;
  for (let i = 0; i <= last; i++) lo[i] ^= 0x80000000; // so that signed comparisons order them
  for (let prefix = 0, range = 0; prefix < nPrefixes; prefix++) {
    const low = (shift < 32 ? prefix << shift : 0) ^ 0x80000000;
    const high = shift >= 32 ? prefix << (shift - 32) : shift > 0 ? prefix >>> (32 - shift) : 0;
    while (range < last && (hi[range + 1] < high || (hi[range + 1] === high && lo[range + 1] <= low))) range++;
    index[prefix] = range;
  }
  index[nPrefixes] = last;
  return (low, high) => {
    const prefix = bitsFrom(low, high, shift), key = low ^ 0x80000000;
    let range = index[prefix], width = index[prefix + 1] - range + 1;
    while (width > 1) {
      const half = width >> 1, middle = range + half;
      if (hi[middle] < high || (hi[middle] === high && lo[middle] <= key)) range = middle;
      width -= half;
    }
    return range;
  };
}""",
    "constant": """
const constant = (value) => () => value;""",
    "runs": """
const runs = (rangeOf, classOfRange) => (lo, hi) => classOfRange[rangeOf(lo, hi)];""",
    "lifts": """
// Blocks of codes: a bit is 1 if the weights of the code's three segments add up to 1 or more.
function lifts(blockOf, weights, a, nBits, nClasses) {
  const size = 3 * nBits << a, mask = (1 << a) - 1;
  return (lo, hi) => {
    const block = blockOf(lo, hi) * size;
    const first = block + nBits * (bitsFrom(lo, hi, 0) & mask);
    const second = block + nBits * ((bitsFrom(lo, hi, a) & mask) + mask + 1);
    const third = block + nBits * ((bitsFrom(lo, hi, 2 * a) & mask) + 2 * mask + 2);
    let index = 0;
    for (let b = nBits - 1; b >= 0; b--)
      index = 2 * index + (weights[first + b] + weights[second + b] + weights[third + b] >= 1);
    return Math.min(index, nClasses - 1);
  };
}""",
    "features": """
// 64 features of a code, as functions of it to the lower and the upper 32 of them: feature t is digit 6 of a count, to
// which each group of four code bits adds. Counts are given for the code 0, with what each bit adds and takes away.
function features(shifts, atZero, plus, minus) {
  const bit = (words, b, t) => ((t < 32 ? words.lo : words.hi)[b] >>> (t & 31)) & 1;
  return [0, 32].map((from) => {
    const first = new Int32Array(16 * 7), others = new Int32Array(16 * 3 * (shifts.length - 1));
    for (let t = from; t < from + 32; t++) {
      let rest = atZero[t];
      for (let g = shifts.length - 1; g >= 0; g--) {
        let base = g ? 0 : rest;
        for (let b = 4 * g; g && b < 4 * g + 4; b++) base += bit(minus, b, t);
        rest -= base;
        for (let value = 0; value < 16; value++) {
          let count = base;
          for (let i = 0; i < 4; i++)
            if ((value >> i) & 1) count += bit(plus, 4 * g + i, t) - bit(minus, 4 * g + i, t);
          for (let k = 0; k < (g ? 3 : 7); k++)
            if ((count >> k) & 1) {
              if (g) others[(16 * (g - 1) + value) * 3 + k] |= 1 << (t & 31);
              else first[7 * value + k] |= 1 << (t & 31);
            }
        }
      }
    }
    return (lo, hi) => {
      let p = 7 * (bitsFrom(lo, hi, shifts[0]) & 15);
      let a = first[p], b = first[p + 1], c = first[p + 2], d = first[p + 3], e = first[p + 4], f = first[p + 5];
      let digit = first[p + 6];
      for (let g = 1; g < shifts.length; g++) {
        p = 48 * (g - 1) + 3 * (bitsFrom(lo, hi, shifts[g]) & 15);
        let added = others[p], carry = a & added, either = 0;
        a ^= added;
        added = others[p + 1];
        either = b ^ added;
        added = (b & added) | (carry & either);
        b = either ^ carry;
        carry = added;
        added = others[p + 2];
        either = c ^ added;
        added = (c & added) | (carry & either);
        c = either ^ carry;
        carry = d & added;
        d ^= added;
        added = e & carry;
        e ^= carry;
        carry = f & added;
        f ^= added;
        digit ^= carry;
      }
      return digit;
    };
  });
}""",
    "ribbon": """
// Planes of cells: each bit is the parity of 64 cells of the code's row, as far as its features are 1.
function ribbon(rowOf, flips, spacing, cells, nWords, nPlanes) {
  const nBytes = flips.length / 8, starts = new Uint16Array(256 * nBytes), step = 2 * nPlanes;
  for (let i = 0; i < starts.length; i++)
    for (let b = 0; b < 8; b++) if ((i >> b) & 1) starts[i] ^= flips[8 * (i >> 8) + b];
  return (lo, hi, low, high) => {
    let beta = 0;
    for (let k = 0; k < nBytes; k++) beta ^= starts[256 * k + (bitsFrom(lo, hi, 8 * k) & 255)];
    const start = Math.floor((beta * spacing) / 65536), place = start & 63;
    const nextLow = place < 32 ? ~(-1 << place) : -1, nextHigh = place < 32 ? 0 : ~(-1 << (place - 32));
    let p = (rowOf(lo, hi) * nWords + (start >> 6)) * step, value = 0;
    low |= 1;
    for (let j = 0; j < nPlanes; j++, p += 2) {
      const here = cells[p], above = cells[p + 1];
      let odd = ((here ^ ((here ^ cells[p + step]) & nextLow)) & low)
        ^ ((above ^ ((above ^ cells[p + step + 1]) & nextHigh)) & high);
      odd ^= odd >>> 16;
      odd ^= odd >>> 8;
      odd ^= odd >>> 4;
      value |= ((0x6996 >>> (odd & 15)) & 1) << j;
    }
    return value;
  };
}""",
    "plain": """
const plain = (n, half) => (word) => word < n ? word : word - half;""",
    "canonical": """
// The symbol of the last of ascending words that is not above a word.
function canonical(starts, symbols) {
  return (word) => {
    let first = 0, end = starts.length;
    while (end - first > 1) {
      const middle = (first + end) >> 1;
      if (starts[middle] <= word) first = middle;
      else end = middle;
    }
    return symbols[first];
  };
}""",
    "staged": """
// A symbol by a word that is read stage by stage: [ribbon, the value of its lowest bit, the first word that goes on].
function staged(stages, symbolOf) {
  return (lo, hi, low, high) => {
    let word = 0;
    for (let i = 0; i < stages.length; i++) {
      const stage = stages[i];
      word += (stage[0](lo, hi, low, high) >>> 0) * stage[1];
      if (word < stage[2]) break;
    }
    return symbolOf(word);
  };
}""",
    "accepts": """
// Whether a ribbon reads what the fingerprints of a code are not, in each plane.
function accepts(read, prints, nPlanes) {
  const every = (-1 >>> (32 - nPlanes)) | 0;
  return (lo, hi, low, high) => {
    const print = (prints[0](lo, hi) >>> 1) | (nPlanes === 32 ? prints[1](lo, hi) << 31 : 0);
    return ((read(lo, hi, low, high) ^ print) & every) === every;
  };
}""",
    "filtered": """
// A common class, or where a filter accepts the code a rarer one, if that is what is stored behind it.
function filtered(common, commonClasses, accepted, rare, rareClasses) {
  return (lo, hi, low, high) => {
    const symbol = accepted(lo, hi, low, high) ? rare(lo, hi, low, high) : 0;
    return symbol > 0 ? rareClasses[symbol - 1] : commonClasses[common(lo, hi, low, high)];
  };
}""",
    "mapped": """
const mapped = (symbolOf, classes) => (lo, hi, low, high) => classes[symbolOf(lo, hi, low, high)];""",
    "withFeatures": """
const withFeatures = (parts, read) => (lo, hi) => read(lo, hi, parts[0](lo, hi), parts[1](lo, hi));""",
    "checked": """
// How many points an array holds.
function checked(X, single) {
  const isPlain = Array.isArray(X);
  if (!isPlain && (!ArrayBuffer.isView(X) || X instanceof DataView || typeof X[0] === "bigint"))
    throw new TypeError("points are an array, a Float32Array or a Float64Array of numbers");
  const what = single ? `a point has ${nFeatures} numbers` : `rows have ${nFeatures} numbers each`;
  if (single ? X.length !== nFeatures : X.length % nFeatures) throw new RangeError(`${what}, not ${X.length}`);
  if (isPlain)
    for (let i = 0; i < X.length; i++)
      if (typeof X[i] !== "number") throw new TypeError(`entry ${i} is no number: ${what}, in one array`);
  return X.length / nFeatures;
}""",
}

PREDICT = """
export function predict(x) {
  checked(x, true);
  codeOf(x, 0);
  const index = classOf(code[0], code[1]);
  return VALUE(index);
}

export function predictMany(X) {
  const n = checked(X, false), labels = new KIND(n);
  for (let i = 0; i < n; i++) {
    codeOf(X, i * nFeatures);
    const index = classOf(code[0], code[1]);
    labels[i] = VALUE(index);
  }
  return labels;
}"""

CONTAINS = """
export function contains(x) {
  checked(x, true);
  knownCodeOf(x, 0);
  return isKnown(code[0], code[1]);
}

export function containsMany(X) {
  const n = checked(X, false), known = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    knownCodeOf(X, i * nFeatures);
    known[i] = isKnown(code[0], code[1]) ? 1 : 0;
  }
  return known;
}"""
