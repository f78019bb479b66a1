"""What objects of all kinds have in common: how they are made, found, listed, and due."""
