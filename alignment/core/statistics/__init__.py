"""Inside an evaluation: intervals, win rates, and the divergence of a policy from its reference."""
