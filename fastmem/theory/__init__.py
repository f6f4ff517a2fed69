"""What the theorems ask for and what cannot be beaten: `separation` of a point set, `bounds` on sizes."""
