"""asv benchmarks of fastmem: one class a subject, the reference timed beside it in the same class."""
