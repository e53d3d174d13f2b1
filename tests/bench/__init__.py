"""Measured goals beside their peers, as ratios taken in one run: `make bench`. No test is gated on time."""
