"""The resources, one module each; `tigerstripe.objects.registry` names them."""
