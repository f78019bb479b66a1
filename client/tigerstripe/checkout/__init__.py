"""The parts of checkout sessions and of quotes, beside their resources."""
