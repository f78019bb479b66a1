"""What the API of Stripe is: its operations, parameters, resources, releases and versions."""
