"""What people are asked about next: who writes, which of it is shown, and what leaves the queue again."""
