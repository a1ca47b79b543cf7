"""How good judgements are: pure functions on arrays (numpy, scipy), without Django and without a database."""
