"""From points to codes, exactly."""
