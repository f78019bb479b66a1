"""Facts about Stripe's API: its operations, parameters, resources, releases and versions."""
