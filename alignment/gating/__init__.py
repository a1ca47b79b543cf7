"""What a candidate must show before it serves, and what happens then."""
