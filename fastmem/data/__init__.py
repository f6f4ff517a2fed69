"""The only place where the caller's arrays are coerced or refused: points, labels, options."""
