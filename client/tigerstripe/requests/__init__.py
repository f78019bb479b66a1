"""A request on its way to its answer: `engine` has the order of the steps."""
