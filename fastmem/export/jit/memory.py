"""Arrays that compiled code reads, and the ways in which it reads them."""

from functools import cache

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, models, register_model, typeof_impl
from numba.np.numpy_support import from_dtype

__all__ = [
    "Memory",
    "count_up_to",
    "inner",
    "int32_at",
    "int64_at",
    "leading_zeros",
    "ones",
    "prefetch",
    "reads",
    "trailing_zeros",
    "uint16_at",
    "uint64_at",
]  # fmt: skip


def inner(function):
    """Compile a function that only compiled code calls."""
    return njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


class Memory:
    """Arrays that compiled code reads, side by side.

    Numba copies an array that a function closes over into the code, slowly, or refers to it by address and does not
    keep it. A memory goes by address, and is kept by the code and all code that calls it.
    """

    _STEP = 64  # bytes: a line of cache

    def __init__(self):
        self._arrays = []
        self._size = 0
        self.bytes = None

    def place(self, array):
        """Append an array; returns how many bytes from the beginning it starts."""
        place = self._size
        self._arrays.append((place, array))
        self._size += -(-max(array.nbytes, 1) // self._STEP) * self._STEP
        return place

    def close(self):
        """Put the arrays in their places."""
        room = np.empty(self._size + self._STEP, np.uint8)
        self.bytes = room[-room.ctypes.data % self._STEP :][: self._size]
        for place, array in self._arrays:
            self.bytes[place : place + array.nbytes].view(array.dtype)[:] = array.ravel()
        self._arrays = []

    def __reduce__(self):
        return _restored_memory, (self.bytes,)


def _restored_memory(array):
    memory = Memory()
    memory.place(array)
    memory.close()
    return memory


class _MemoryType(types.Type):
    def __init__(self):
        super().__init__("fastmem.Memory")


_MEMORY = _MemoryType()


@register_model(_MemoryType)
class _MemoryModel(models.PrimitiveModel):
    def __init__(self, manager, of_type):
        super().__init__(manager, of_type, ir.IntType(8).as_pointer())


@typeof_impl.register(Memory)
def _typeof_memory(value, context):
    return _MEMORY


@lower_constant(_MemoryType)
def _memory_constant(context, builder, of_type, memory):
    library = context.active_code_library  # which all that calls it holds
    library.fastmem_memories = [*getattr(library, "fastmem_memories", ()), memory]
    # Makes numba refuse to cache the code on disk, where the address would mean nothing.
    return context.add_dynamic_addr(builder, memory.bytes.ctypes.data, info="fastmem")


@cache
def reads(dtype):
    """An intrinsic: the number at a position of an array of this dtype, which begins at a place of the memory."""
    of_type = from_dtype(np.dtype(dtype))

    @intrinsic
    def read(typing_context, memory, place, position):
        """The number at a position of an array of the memory."""

        def generate(context, builder, signature, arguments):
            start = builder.gep(arguments[0], [arguments[1]])
            array = builder.bitcast(start, context.get_data_type(of_type).as_pointer())
            return context.unpack_value(builder, of_type, builder.gep(array, [arguments[2]]))

        return of_type(memory, types.intp, types.intp), generate

    return read


int32_at, int64_at, uint16_at, uint64_at = map(reads, (np.int32, np.int64, np.uint16, np.uint64))


@intrinsic
def prefetch(typing_context, memory, place):
    """Ask for the line of cache at a place."""

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [arguments[0].type, *[ir.IntType(32)] * 3])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        read, always, data = (ir.Constant(ir.IntType(32), number) for number in (0, 3, 1))
        builder.call(function, [builder.gep(arguments[0], [arguments[1]]), read, always, data])
        return context.get_dummy_value()

    return types.void(memory, types.intp), generate


def _bit_count(name, *flags):
    @intrinsic
    def counted(typing_context, word):
        """What llvm counts of the bits of a word."""

        def generate(context, builder, signature, arguments):
            return getattr(builder, name)(*arguments, *(ir.Constant(ir.IntType(1), flag) for flag in flags))

        return types.uint64(types.uint64), generate

    return counted


ones, trailing_zeros, leading_zeros = _bit_count("ctpop"), _bit_count("cttz", 0), _bit_count("ctlz", 0)


@inner
def count_up_to(memory, place, n, key):
    """How many of n ascending numbers are at most the key."""
    low, width = 0, n
    while width > 0:
        half = width >> 1
        if int64_at(memory, place, low + half) <= key:
            low += half + 1
            width -= half + 1
        else:
            width = half
    return low
