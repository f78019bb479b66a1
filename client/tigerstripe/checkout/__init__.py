"""What a checkout session is made of, beside its resource in `tigerstripe.resources`."""
