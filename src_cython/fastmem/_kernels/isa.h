/* Names of what is compiled once for each instruction set, and which of these a processor has. */
#ifndef FASTMEM_ISA_H
#define FASTMEM_ISA_H

#include <stdint.h>

#define FASTMEM_JOIN_(a, b) a##_##b
#define FASTMEM_JOIN(a, b) FASTMEM_JOIN_(a, b)
#define FASTMEM_NAME(name) FASTMEM_JOIN(FASTMEM_JOIN(fastmem, name), FASTMEM_ISA)
#define FASTMEM_TEXT_(name) #name
#define FASTMEM_TEXT(name) FASTMEM_TEXT_(name)

#if defined(__clang__)
#define FASTMEM_UNROLL _Pragma("clang loop unroll(full)")
#define FASTMEM_INLINE __attribute__((always_inline)) inline
#define FASTMEM_APART __attribute__((noinline))
#elif defined(__GNUC__)
#define FASTMEM_UNROLL _Pragma("GCC unroll 16")
#define FASTMEM_INLINE __attribute__((always_inline)) inline
#define FASTMEM_APART __attribute__((noinline))
#else
#define FASTMEM_UNROLL
#define FASTMEM_INLINE inline
#define FASTMEM_APART
#endif

/* Ask for a line of memory, to be read often or once: the latter leaves other levels of the cache alone. */
#if defined(__GNUC__)
#define fastmem_prefetch(address) __builtin_prefetch(address)
#define fastmem_prefetch_once(address) __builtin_prefetch(address, 0, 0)
#define fastmem_first_bit(bits) __builtin_ctzll(bits)
#else
#define fastmem_prefetch(address) ((void)(address))
#define fastmem_prefetch_once(address) ((void)(address))
static inline int fastmem_first_bit(uint64_t bits) { int i = 0; while (!(bits & 1)) { bits >>= 1; i++; } return i; }
#endif

/* Windows is left out: GCC does not align its stack for vectors of 32 bytes. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)
#define FASTMEM_X86
#define FASTMEM_N_ISAS 3  /* baseline, avx2, avx512 */
#else
#define FASTMEM_N_ISAS 1
#endif

/* Whether this processor, and the operating system, run instruction set i. */
static inline int fastmem_supports(int i)
{
#if defined(FASTMEM_X86)
    __builtin_cpu_init();
    if (i == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
    if (i == 2)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && fastmem_supports(1);
#endif
    return i == 0;
}

#endif
