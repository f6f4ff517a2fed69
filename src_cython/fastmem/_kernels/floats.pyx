"""The calling thread's floating-point environment: rounding mode, and whether subnormals are flushed to zero."""

include "fenv.pxi"

SIZE = sizeof(fenv_t)


def set_default(unsigned char[::1] saved):
    """Save the environment in SIZE bytes and set the default one."""
    fegetenv(<fenv_t *>&saved[0])
    fesetenv(FE_DFL_ENV)


def restore(const unsigned char[::1] saved):
    """Set a saved environment."""
    fesetenv(<const fenv_t *>&saved[0])
