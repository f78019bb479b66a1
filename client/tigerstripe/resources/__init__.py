"""The resources, a module each; `tigerstripe.objects.registry` knows them."""
