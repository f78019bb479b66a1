"""The resources, a module each; `tigerstripe.registry` knows them."""
