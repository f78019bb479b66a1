"""The suite of Stripe code that bench_stripe.py lets pytest run."""
