# The C99 floating-point environment: rounding mode, and whether subnormals are flushed to zero.

cdef extern from "<fenv.h>" nogil:
    ctypedef struct fenv_t:
        pass
    const fenv_t *FE_DFL_ENV
    int fegetenv(fenv_t *environment)
    int fesetenv(const fenv_t *environment)
