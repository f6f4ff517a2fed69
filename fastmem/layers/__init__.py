"""Threshold units: layers of them, how layers are wired, and the parts that several networks share."""
