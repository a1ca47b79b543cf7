"""Inside a training run: gradients in parts, memory, schedules, metrics, and several processes at once."""
