"""The calling thread's floating-point environment: rounding mode, and whether subnormals are flushed to zero."""

cdef extern from "<fenv.h>" nogil:
    ctypedef struct fenv_t:
        pass
    const fenv_t *FE_DFL_ENV
    int fegetenv(fenv_t *environment)
    int fesetenv(const fenv_t *environment)

SIZE = sizeof(fenv_t)


def set_default(unsigned char[::1] saved):
    """Save the environment in SIZE bytes and set the default one."""
    fegetenv(<fenv_t *>&saved[0])
    fesetenv(FE_DFL_ENV)


def restore(const unsigned char[::1] saved):
    """Set a saved environment."""
    fesetenv(<const fenv_t *>&saved[0])
