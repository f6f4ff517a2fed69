"""What a process must do right, whatever it computes: threads, BLAS, rounding, memory, files."""
